// What a route of the API takes and answers, looked up in the types of openapi.json.

import type { paths } from "./openapi";

export type Method = "get" | "post" | "patch" | "delete";

/** The paths with a route for a method. */
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

/** Parameters of the query; null leaves one out. */
export type Query<M extends Method, P extends PathOf<M>> = {
  [K in keyof Parameters<Operation<M, P>, "query">]: Parameters<Operation<M, P>, "query">[K] | null;
};

/** Parameters of the path, by the names in its braces. */
export type Ids<M extends Method, P extends PathOf<M>> = Parameters<Operation<M, P>, "path">;

/** The JSON that is sent. */
export type Body<M extends Method, P extends PathOf<M>> =
  Operation<M, P> extends { requestBody?: { content: { "application/json": infer Json } } } ? Json : never;

/** The JSON that comes back; null where nothing does. */
export type Answer<M extends Method, P extends PathOf<M>> =
  Success<Operation<M, P>> extends { content: { "application/json": infer Json } } ? Json : null;

/** All that goes into a request. */
export interface Question<M extends Method, P extends PathOf<M>> {
  ids?: Ids<M, P>;
  query?: Query<M, P>;
  body?: Body<M, P>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}
