// Makes the request of a form repeatable. After a lost response it is sent again with the same body and
// the same idempotency key, so that nothing is created twice.

/**
 * @template Body
 * @typedef {{ body: Body, key: string }} Repeatable a body and its idempotency key
 */

/**
 * Returns a function that turns the values of a form into its request. It returns the same request until it
 * gets other values.
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
