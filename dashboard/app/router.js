// Routes in the fragment of the address: `#/applications/{id}/traces?window=1h`.

/** Pause after the last change before the address follows. */
const WRITE_PAUSE_MS = 200;

/**
 * @typedef {object} Visit
 * @property {Record<string, string>} params values of the `{names}` in the route
 * @property {URLSearchParams} query
 * @property {AbortSignal} signal aborted when the user leaves the page
 */

/**
 * Finds the route that matches a fragment.
 *
 * @template T
 * @param {Record<string, T>} routes by pattern, like `/applications/{id}`
 * @param {string} hash
 * @returns {{ route: T | null, params: Record<string, string>, query: URLSearchParams }}
 */
export function match(routes, hash) {
  const [path, query] = splitQuery(hash.replace(/^#/, ""));
  const parts = segments(path);
  for (const [pattern, route] of Object.entries(routes)) {
    const params = matchSegments(segments(pattern), parts);
    if (params) return { route, params, query: new URLSearchParams(query) };
  }
  return { route: null, params: {}, query: new URLSearchParams(query) };
}

/** Splits a route into path and query. The query may contain question marks. @param {string} text */
function splitQuery(text) {
  const [path] = text.split("?", 1);
  return [path, text.slice(path.length + 1)];
}

/** @param {string} path */
const segments = (path) => path.split("/").filter(Boolean).map(decode);

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {string[]} pattern @param {string[]} parts */
function matchSegments(pattern, parts) {
  if (pattern.length !== parts.length) return null;
  /** @type {Record<string, string>} */
  const params = {};
  for (const [index, name] of pattern.entries()) {
    if (name.startsWith("{")) params[name.slice(1, -1)] = parts[index];
    else if (name !== parts[index]) return null;
  }
  return params;
}

/**
 * Shows the page of the current address, now and after each change.
 *
 * @template T
 * @param {Record<string, T>} routes
 * @param {(route: T | null, visit: Visit, isFirst: boolean) => void} show
 * @returns {() => void} a function that leaves the current page, and stops showing others
 */
export function start(routes, show) {
  let leaving = new AbortController();
  let isFirst = true;
  const visit = () => {
    leaving.abort();
    leaving = new AbortController();
    const { route, params, query } = match(routes, location.hash);
    show(route, { params, query, signal: leaving.signal }, isFirst);
    isFirst = false;
  };
  addEventListener("hashchange", visit);
  visit();
  return () => {
    removeEventListener("hashchange", visit);
    leaving.abort();
  };
}

/**
 * Navigates to a route.
 *
 * @param {string} hash
 * @param {{ replace?: boolean }} [options] `replace` adds no entry to the history
 */
export function go(hash, { replace = false } = {}) {
  if (replace) location.replace(hash);
  else location.hash = hash;
}

/** Builds a link target: `to("/applications/{}/traces", id)`. @param {string} path @param {...string} ids */
export const to = (path, ...ids) =>
  `#${ids.reduce((text, id) => text.replace("{}", encodeURIComponent(id)), path)}`;

/**
 * Writes choices such as filters into the address without navigating, so that a reload and a
 * copied link show the same.
 *
 * @param {Record<string, string | string[] | null>} choices
 */
export function storeInAddress(choices) {
  history.replaceState(null, "", withChoices(location.hash, choices));
  dispatchEvent(new Event("addresschange"));
}

/**
 * The same for choices that change many times a second, such as what is typed or dragged. Browsers limit how often
 * an address may change, so it follows after a moment, unless the user has left the page by then.
 *
 * @param {AbortSignal} signal
 * @returns {(choices: Record<string, string | string[] | null>) => void}
 */
export function addressWriter(signal) {
  /** @type {Record<string, string | string[] | null>} */
  let waiting = {};
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));
  const [page] = splitQuery(location.hash);
  const write = () => {
    // The address changes before the page is left.
    if (splitQuery(location.hash)[0] === page) storeInAddress(waiting);
    waiting = {};
  };
  return (choices) => {
    waiting = { ...waiting, ...choices };
    clearTimeout(timer);
    timer = setTimeout(write, WRITE_PAUSE_MS);
  };
}

/**
 * The same, with an entry in the history, so that Back undoes the choice.
 *
 * @param {Record<string, string | string[] | null>} choices
 */
export function pushInAddress(choices) {
  history.pushState(null, "", withChoices(location.hash, choices));
  dispatchEvent(new Event("addresschange"));
}

/** Returns the query of a route. @param {string} hash */
export const queryOf = (hash) => new URLSearchParams(splitQuery(hash)[1]);

/**
 * Sets choices in the query of a route, and removes empty ones. A list becomes several parameters.
 *
 * @param {string} hash
 * @param {Record<string, string | string[] | null>} choices
 */
export function withChoices(hash, choices) {
  const [path, query] = splitQuery(hash);
  const parameters = new URLSearchParams(query);
  for (const [name, value] of Object.entries(choices)) {
    const [first, ...others] = [value ?? ""].flat().filter(Boolean);
    if (first) parameters.set(name, first);
    else parameters.delete(name);
    for (const other of others) parameters.append(name, other);
  }
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}
