// What makes elements, and what they are.

type Tag<S extends string> = S extends `${infer Name}.${string}` ? Name : S;

/** The element that `h` makes of a selector like `"input.short"`. */
export type HtmlOf<S extends string> =
  Tag<S> extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Tag<S>] : HTMLElement;

/** The element that `svg` makes. */
export type SvgOf<S extends string> =
  Tag<S> extends keyof SVGElementTagNameMap ? SVGElementTagNameMap[Tag<S>] : SVGElement;

/** What an element can hold: null, undefined and false are left out, arrays are flattened. */
export type Child = Node | string | number | null | undefined | false | readonly Child[];

/** Attributes, listeners by event, and properties of the style. */
export interface Props {
  on?: Record<string, (event: any) => void>;
  style?: Record<string, string | number>;
  [attribute: string]: unknown;
}
