/** A `localStorage` of its own for each test of a file. @param {{ beforeEach: Function, afterEach: Function }} hooks */
export function freshStorage({ beforeEach, afterEach }) {
  beforeEach(() => {
    const kept = new Map();
    globalThis.localStorage = {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => kept.set(name, String(value)),
      removeItem: (name) => kept.delete(name),
    };
  });
  afterEach(() => {
    delete globalThis.localStorage;
  });
}
