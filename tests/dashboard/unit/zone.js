/**
 * Runs `body` with a local time zone.
 *
 * @template T
 * @param {string} name of the IANA database
 * @param {() => T} body
 * @returns {T}
 */
export function inZone(name, body) {
  const before = process.env.TZ;
  process.env.TZ = name;
  try {
    return body();
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
}
