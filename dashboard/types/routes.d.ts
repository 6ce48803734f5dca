// Types of requests and responses by method and path, derived from openapi.json.

import type { paths } from "./openapi";

export type Method = "get" | "post" | "patch" | "delete";

/** The paths that support a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [K in M]: object } ? P : never;
}[keyof paths];

type Operation<M extends Method, P extends PathOf<M>> = paths[P][M];
type Parameters<O, In extends "path" | "query"> = O extends { parameters: infer All }
  ? All extends { [K in In]?: infer Values }
    ? NonNullable<Values>
    : never
  : never;
type Success<O> = O extends { responses: infer R } ? R[keyof R & (200 | 201 | 204)] : never;

/** Query parameters. A parameter that is null is not sent. */
export type Query<M extends Method, P extends PathOf<M>> = {
  [K in keyof Parameters<Operation<M, P>, "query">]: Parameters<Operation<M, P>, "query">[K] | null;
};

/** Path parameters, by the names in braces. */
export type Ids<M extends Method, P extends PathOf<M>> = Parameters<Operation<M, P>, "path">;

/** JSON body of a request. */
export type Body<M extends Method, P extends PathOf<M>> =
  Operation<M, P> extends { requestBody?: { content: { "application/json": infer Json } } } ? Json : never;

/** JSON body of a successful response; null if it has none. */
export type ResponseBody<M extends Method, P extends PathOf<M>> =
  Success<Operation<M, P>> extends { content: { "application/json": infer Json } } ? Json : null;

/** Parameters, body and headers of a request. */
export interface RequestOptions<M extends Method, P extends PathOf<M>> {
  ids?: Ids<M, P>;
  query?: Query<M, P>;
  body?: Body<M, P>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Time limit, including the body of the response. */
  limitMs?: number;
}
