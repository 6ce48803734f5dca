/** Base URL of the API. Empty if the API has the same origin as this page. */
export const CONFIG = { apiUrl: "" };
