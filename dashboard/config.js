/** Where the API answers. Empty: at the address that served this page. */
export const CONFIG = { apiUrl: "" };
