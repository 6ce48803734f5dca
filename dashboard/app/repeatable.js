// Creations that are sent again, after a lost answer, as they were sent first: with the same body and
// the same idempotency key, so that nothing is made twice.

/**
 * @template Body
 * @typedef {{ body: Body, key: string }} Repeatable a body and its idempotency key
 */

/**
 * Returns a function that makes the creation of a form. For the same values it returns the last one
 * again.
 *
 * @template Values, Body
 * @param {(values: Values) => Body} bodyOf
 * @returns {(values: Values) => Repeatable<Body>}
 */
export function repeatable(bodyOf) {
  /** @type {string | undefined} */
  let last;
  /** @type {Repeatable<Body>} */
  let creation;
  return (values) => {
    const text = JSON.stringify(values);
    if (text !== last) creation = { body: bodyOf(values), key: crypto.randomUUID() };
    last = text;
    return creation;
  };
}
