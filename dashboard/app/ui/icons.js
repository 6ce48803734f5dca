// Icons, drawn in the color of the surrounding text.

import { svg } from "../dom.js";

/** @param {...string} paths `d` attributes of the lines */
const stroked = (...paths) =>
  svg(
    "svg.icon",
    {
      viewBox: "0 0 16 16",
      width: 16,
      height: 16,
      "aria-hidden": "true",
      fill: "none",
      stroke: "currentColor",
      "stroke-width": 1.5,
      "stroke-linecap": "round",
      "stroke-linejoin": "round",
    },
    paths.map((d) => svg("path", { d })),
  );

export const sun = () =>
  stroked(
    "M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6",
    "M8 1v1.3M8 13.7V15M1 8h1.3M13.7 8H15M3.05 3.05l.9.9M12.05 12.05l.9.9M3.05 12.95l.9-.9M12.05 3.95l.9-.9",
  );
export const moon = () => stroked("M13.6 9.6A6 6 0 0 1 6.4 2.4a6 6 0 1 0 7.2 7.2z");
export const chevron = () => stroked("M4 6l4 4 4-4");
export const copy = () =>
  stroked(
    "M5.5 5.5h7a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1z",
    "M10.5 5.5v-3a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v7a1 1 0 0 0 1 1h1",
  );
export const check = () => stroked("M3 8.5l3.2 3.2L13 5");
export const cross = () => stroked("M4 4l8 8M12 4l-8 8");
export const plus = () => stroked("M8 3v10M3 8h10");
export const search = () => stroked("M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9", "M10.4 10.4L14 14");
export const back = () => stroked("M9.5 3.5L5 8l4.5 4.5");

/** The logo of the product. @param {number} size */
export const logo = (size) =>
  svg(
    "svg.logo",
    { viewBox: "0 0 32 32", width: size, height: size, "aria-hidden": "true" },
    svg("rect", { width: 32, height: 32, rx: 8 }),
    svg("path", {
      d: "M7 18.5h4.2l2.9-8.5 4.4 13 2.7-6.5H25",
      fill: "none",
      "stroke-width": 2.6,
      "stroke-linecap": "round",
      "stroke-linejoin": "round",
    }),
  );

/** The logo of GitHub, for the sign-in button. */
export const github = () =>
  svg(
    "svg.icon",
    { viewBox: "0 0 16 16", width: 20, height: 20, "aria-hidden": "true", fill: "currentColor" },
    svg("path", {
      d: "M8 .2a8 8 0 0 0-2.53 15.59c.4.07.55-.17.55-.38l-.01-1.49c-2.23.48-2.7-1.07-2.7-1.07-.36-.92-.89-1.17-.89-1.17-.73-.5.06-.49.06-.49.8.06 1.23.83 1.23.83.72 1.23 1.88.87 2.34.67.07-.52.28-.88.5-1.08-1.77-.2-3.64-.89-3.64-3.95 0-.87.31-1.59.82-2.15-.08-.2-.36-1.02.08-2.12 0 0 .67-.21 2.2.82a7.6 7.6 0 0 1 4 0c1.53-1.03 2.2-.82 2.2-.82.44 1.1.16 1.92.08 2.12.51.56.82 1.28.82 2.15 0 3.07-1.87 3.75-3.65 3.95.29.25.54.73.54 1.48l-.01 2.2c0 .21.15.46.55.38A8 8 0 0 0 8 .2",
    }),
  );
