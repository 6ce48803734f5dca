// Types of `h` and `svg` in app/dom.js.

type Tag<S extends string> = S extends `${infer Name}.${string}` ? Name : S;

/** The element that `h` creates for a selector like `"input.short"`. */
export type HtmlOf<S extends string> =
  Tag<S> extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Tag<S>] : HTMLElement;

/** The element that `svg` creates for a selector. */
export type SvgOf<S extends string> =
  Tag<S> extends keyof SVGElementTagNameMap ? SVGElementTagNameMap[Tag<S>] : SVGElement;

/** A child of an element. null, undefined and false are skipped, arrays are flattened. */
export type Child = Node | string | number | null | undefined | false | readonly Child[];

/** Attributes, event listeners (`on`) and style properties (`style`). */
export interface Props {
  on?: Record<string, (event: any) => void>;
  style?: Record<string, string | number>;
  [attribute: string]: unknown;
}
