/** Replaces `localStorage` with an empty one for each test of a file. @param {{ beforeEach: Function, afterEach: Function }} hooks */
export function freshStorage({ beforeEach, afterEach }) {
  beforeEach(() => {
    const items = new Map();
    globalThis.localStorage = {
      getItem: (name) => items.get(name) ?? null,
      setItem: (name, value) => items.set(name, String(value)),
      removeItem: (name) => items.delete(name),
    };
  });
  afterEach(() => {
    delete globalThis.localStorage;
  });
}
