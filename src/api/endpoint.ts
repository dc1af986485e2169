// The declaration of an endpoint. Everything there is to say about one is said here once: from it come the route, the
// checks, the limits, the answer's shape and headers, and the documentation. The handler gets plain values and gives a
// row; it knows nothing of HTTP.

import type { ErrorCode } from '../lib/errors.ts';
import type { RequestLimit } from '../limit/limits.ts';
import {
  type Fields,
  type InferFields,
  type JsonSchema,
  type ObjectType,
  object,
  type Type,
} from '../schema/schema.ts';
import type { CollectionName, Entity, Rows } from '../store/collections.ts';
import type { Principal } from './principal.ts';

/** Who may call. */
export type Access =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'user' }
  /** The user whose id is in that parameter of the path, if the parents are that user's. */
  | { readonly kind: 'owner'; readonly param: string; readonly parents: Parents }
  /** Whoever runs the server: by its own token, or from the same machine. */
  | { readonly kind: 'operator' };

export const anyone = { kind: 'anyone' } as const;
export const anyUser = { kind: 'user' } as const;
export const operator = { kind: 'operator' } as const;

/**
 * Access for the user whose id is in a parameter of the path.
 *
 * @param parents The rows between that user and the endpoint, outermost first.
 */
export function owner<const P extends Parents = NoParents>(param: string, parents: P = {} as P) {
  return { kind: 'owner', param, parents } as const;
}

/** The collection of the row that a parameter of the path names, `{ post_id: 'posts' }`. */
type Parents = Readonly<Record<string, CollectionName>>;
type NoParents = Readonly<Record<never, CollectionName>>;

/** A limit that a call is charged to, always or on a condition. */
export type ChargedLimit =
  | RequestLimit
  /** Only if the query has this key. */
  | { readonly limit: RequestLimit; readonly ifQuery: string };

export interface Client {
  readonly address: string;
  readonly userAgent: string;
}

/** What a handler gets. */
export interface Call<
  Params = unknown,
  Query = unknown,
  Body = unknown,
  Who = Principal | null,
  ParentRows = ErasedParents,
> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly principal: Who;
  /** The row of each parent that `owner` names, by its parameter. */
  readonly parents: ParentRows;
  readonly client: Client;
  /** The version of the row that the client's `If-Match` was about: for the store to insist on. */
  readonly ifVersion: number | undefined;
}

export type ErasedParents = Readonly<Record<string, Entity>>;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** How an answer is written. */
export interface ResponseType<Row> {
  readonly contentType: string;
  readonly type: Marshals<Row>;
}

type Marshals<Row> = { readonly marshal: (row: Row) => unknown; readonly jsonSchema: JsonSchema };

// TypeScript reads the functions of a declaration from top to bottom, so `handle`, from which `Row` is inferred, stands above
// those that take a row.
interface Declaration<P extends Fields, Q extends Fields, Body, Row, Who extends Access> {
  readonly method: Method;
  readonly path: string;
  /** The heading it stands under in the documentation. */
  readonly group: string;
  /** One line. */
  readonly summary: string;
  readonly access: Who;
  /** Whether the token must be from a login: always, or only if the body names one of these fields. */
  readonly fresh?: true | readonly (keyof Body & string)[];
  /** Default `['default']`; free if empty. */
  readonly limits?: readonly ChargedLimit[];
  readonly params?: ObjectType<P>;
  readonly query?: ObjectType<Q>;
  /** Without one, a body is not even read. */
  readonly body?: Type<Body>;
  readonly status: 200 | 201 | 204;
  /** Absent for 204. */
  readonly response?: ResponseType<Row>;
  /** The answer holds a token, which nothing on the way may keep. */
  readonly secret?: boolean;
  readonly handle: (
    call: Call<InferFields<P>, InferFields<Q>, Body, WhoOf<Who>, ParentsOf<Who>>,
  ) => Promise<Row>;
  /** What its handler may throw beyond what the declaration implies. */
  readonly failures?: readonly ErrorCode[];
  /** Whom the call turned out to be by, where nobody is signed in yet: for the log. */
  readonly user?: (row: Row) => number;
  /** Where the new resource is: the `Location` of a 201. */
  readonly location?: (row: Row) => string;
  /** The path of the next page with its query, or null. */
  readonly next?: (row: Row, call: Call<InferFields<P>, InferFields<Q>>) => string | null;
  /** On a GET, the version of the row that the answer shows, so that a write can be conditional on it. */
  readonly version?: (row: Row) => number;
  /** What `If-Match` compares, where that is less than the whole answer: text for a tag. */
  readonly state?: (row: Row) => string;
  /**
   * On a GET, a text that is another one whenever the answer would be: as long as it is the same, the answer is not put together
   * again.
   */
  readonly fingerprint?: (row: Row) => string;
  /**
   * On a GET, lets answers be cached: gives a text that is another one whenever the answer would be. It is part of the
   * cache's key, so there is nothing to invalidate, and no write can race with it.
   */
  readonly cacheKey?: (
    call: Call<InferFields<P>, InferFields<Q>, unknown, WhoOf<Who>, ParentsOf<Who>>,
  ) => Promise<string>;
}

type WhoOf<Who extends Access> = Who['kind'] extends 'user' | 'owner' ? Principal : null;

type ParentsOf<Who extends Access> = Who extends { readonly parents: infer P extends Parents }
  ? { readonly [Param in keyof P]: Rows[P[Param]] }
  : Readonly<Record<never, Entity>>;

type Erased = Declaration<Fields, Fields, unknown, unknown, Access>;
type Defaulted = 'limits' | 'params' | 'query' | 'secret';

/** A declaration whose own types are forgotten: what the journey works with. */
export interface Endpoint extends Omit<Erased, Defaulted | 'fresh'>, Required<Pick<Erased, Defaulted>> {
  readonly fresh?: true | readonly string[];
  readonly handle: (call: Call) => Promise<unknown>;
  readonly cacheKey?: (call: Call) => Promise<string>;
  readonly next?: (row: unknown, call: Call) => string | null;
}

/**
 * Declares an endpoint. Inside, the handler's types come from the schemas; outside they are forgotten, so that endpoints
 * fit in one list. The pipeline puts in only what those same schemas gave.
 */
export function endpoint<P extends Fields, Q extends Fields, Body, Row, Who extends Access>(
  declaration: Declaration<P, Q, Body, Row, Who>,
): Endpoint {
  const defaults = { limits: ['default'], params: object({}), query: object({}), secret: false };
  return { ...defaults, ...declaration } as unknown as Endpoint;
}

/** Whether answers carry an `ETag`: those that show what is at the path. */
export function isTagged(endpoint: Endpoint): boolean {
  return endpoint.status === 200 && endpoint.method !== 'POST' && !isFree(endpoint);
}

export function isFree({ limits }: Endpoint): boolean {
  return limits.length === 0;
}

/** A JSON answer. */
export function json<Row>(type: Marshals<Row>): ResponseType<Row> {
  return { contentType: 'application/json; charset=utf-8', type };
}

/** An answer that is text already. */
export function plain(contentType: string, type: Type<string>): ResponseType<string> {
  return { contentType, type };
}

/** One of what `make` makes for each endpoint, made when it is first asked for. */
export function perEndpoint<T extends object>(make: () => T): (endpoint: Endpoint) => T {
  const made = new Map<Endpoint, T>();
  return (endpoint) => {
    const known = made.get(endpoint);
    if (known !== undefined) return known;
    const value = make();
    made.set(endpoint, value);
    return value;
  };
}
