// The declaration of an endpoint. The obvious way is a function per route that checks its own input
// and writes its own output. It repeats the checks in every function, and the one that forgets a
// check is the vulnerability. Here the route, the checks, the limits, the shape and headers of the
// response, and the documentation follow from one declaration. The handler takes plain values and
// returns a row; it knows nothing of HTTP.

import type { ErrorCode, Failure } from '../lib/errors.ts';
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

/** The callers that an endpoint accepts. */
export type Access =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'user' }
  /**
   * The user whose id is in that parameter of the path, provided that the parents belong to that
   * user.
   */
  | { readonly kind: 'owner'; readonly param: string; readonly parents: Parents }
  /** A client with the operator's token; if no token is set, a client on the same machine. */
  | { readonly kind: 'operator' }
  /** No client, since a setting disables the endpoint; the documentation omits it. */
  | { readonly kind: 'closed'; readonly failure: Failure };

export const anyone = { kind: 'anyone' } as const;
export const anyUser = { kind: 'user' } as const;
export const operator = { kind: 'operator' } as const;

/** Returns the access of an endpoint that rejects every request with this failure. */
export function closed(code: ErrorCode, message: string) {
  return { kind: 'closed', failure: { code, message } } as const;
}

/**
 * Returns access for the user whose id is in a parameter of the path.
 *
 * @param parents The rows between that user and the endpoint, outermost first.
 */
export function owner<const P extends Parents = NoParents>(param: string, parents: P = {} as P) {
  return { kind: 'owner', param, parents } as const;
}

/** The collection of the row that a parameter of the path names, `{ post_id: 'posts' }`. */
type Parents = Readonly<Record<string, CollectionName>>;
type NoParents = Readonly<Record<never, CollectionName>>;
export type ParentRows = Readonly<Record<string, Entity>>;

/** A limit that a call is charged to, always or on a condition. */
export type ChargedLimit =
  | RequestLimit
  /** Only if the query has this key. */
  | { readonly limit: RequestLimit; readonly ifQuery: string };

export interface Client {
  readonly address: string;
  /** As Node decoded it, from Latin-1. */
  readonly userAgent: string;
}

/** The argument of a handler. */
export interface Call<Params = unknown, Query = unknown, Body = unknown, Who = Caller, Above = ParentRows> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly principal: Who;
  /** The parent rows that `owner` names, by parameter. */
  readonly parents: Above;
  readonly client: Client;
  /**
   * Version of the row that matched the client's `If-Match`. The store compares it again when it
   * writes.
   */
  readonly ifVersion: number | undefined;
}

type Caller = Principal | null;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

// TypeScript infers `Row` from `handle` if that precedes the functions that take a row, and if those are written as arrow
// functions: from a reference such as `state: userState` it would infer before it comes to `handle`.
interface Declaration<P extends Fields, Q extends Fields, Body, Row, Who extends Access> {
  readonly method: Method;
  readonly path: string;
  /** Heading in the documentation. */
  readonly group: string;
  /** One line. */
  readonly summary: string;
  readonly access: Who;
  /** Whether the token must be from a login: always, or only if the body names one of these fields. */
  readonly fresh?: true | readonly (keyof Body & string)[];
  /** Default `['default']`; an empty list makes the endpoint free. */
  readonly limits?: readonly ChargedLimit[];
  readonly params?: ObjectType<P>;
  readonly query?: ObjectType<Q>;
  /** Type of the body; if absent, the body is not read. */
  readonly body?: Type<Body>;
  /** Default 200, or 204 without a response. */
  readonly status?: 200 | 201 | 204;
  readonly response?: { readonly marshal: (row: Row) => unknown; readonly jsonSchema: JsonSchema };
  /** Type of the part of the response that its tag identifies; undefined for the whole response. */
  readonly resource?: (row: Row) => { readonly marshal: (row: Row) => unknown } | undefined;
  /** Default JSON. For any other type, the response must marshal to text. */
  readonly contentType?: string;
  /** Whether a response can hold a token, so that no cache may store it. */
  readonly secret?: boolean;
  readonly handle: (call: CallOf<P, Q, Body, Who>) => Promise<Row>;
  /** Errors of the handler that do not follow from the declaration. */
  readonly failures?: readonly ErrorCode[];
  /** Id of the user whom an anonymous request identified, for the log. */
  readonly user?: (row: Row) => number;
  /** The `Location` of a 201. */
  readonly location?: (row: Row, call: Call<InferFields<P>, InferFields<Q>>) => string;
  /** Path and query of the next page, or null. */
  readonly next?: (row: Row, call: Call<InferFields<P>, InferFields<Q>>) => string | null;
  /** On a GET, the version of the row, which a conditional write depends on. */
  readonly version?: (row: Row) => number;
  /**
   * Text for the part of the tag that `If-Match` compares, if it covers less than the whole
   * response.
   */
  readonly state?: (row: Row) => string;
  /**
   * On a GET, text that changes whenever the response would. A stored response with the same text
   * is sent again.
   */
  readonly fingerprint?: (row: Row) => string;
  /**
   * On a GET, text that changes whenever the response would; it allows the response to be cached.
   * Since the text is part of the cache key, no entry ever needs invalidation, and no write can
   * race with it.
   */
  readonly cacheKey?: (call: CallOf<P, Q, unknown, Who>) => Promise<string>;
}

type CallOf<P extends Fields, Q extends Fields, Body, Who extends Access> = Call<
  InferFields<P>,
  InferFields<Q>,
  Body,
  Who['kind'] extends 'user' | 'owner' ? Principal : null,
  Who extends { readonly parents: infer Above extends Parents }
    ? { readonly [Param in keyof Above]: Rows[Above[Param]] }
    : Readonly<Record<never, Entity>>
>;

type Erased = Declaration<Fields, Fields, unknown, unknown, Access>;
type Defaulted = 'limits' | 'params' | 'query' | 'status' | 'contentType' | 'secret';

/** A declaration with its specific types erased, as the pipeline uses it. */
export interface Endpoint extends Omit<Erased, Defaulted | 'fresh'>, Required<Pick<Erased, Defaulted>> {
  readonly fresh?: true | readonly string[];
  readonly handle: (call: Call) => Promise<unknown>;
  readonly cacheKey?: (call: Call) => Promise<string>;
  readonly location?: (row: unknown, call: Call) => string;
  readonly next?: (row: unknown, call: Call) => string | null;
}

/**
 * Declares an endpoint. The handler's types are inferred from the schemas and then erased, so that
 * all endpoints fit in one list. This is safe, since the pipeline passes only values that those
 * schemas have produced.
 */
export function endpoint<P extends Fields, Q extends Fields, Body, Row, Who extends Access>(
  declaration: Declaration<P, Q, Body, Row, Who>,
): Endpoint {
  const defaults = {
    limits: ['default'],
    params: object({}),
    query: object({}),
    status: declaration.response === undefined ? 204 : 200,
    contentType: 'application/json; charset=utf-8',
    secret: false,
  };
  return { ...defaults, ...declaration } as unknown as Endpoint;
}

/** Returns whether responses have an `ETag`: those that show the resource at the path. */
export function isTagged(endpoint: Endpoint): boolean {
  return endpoint.status === 200 && endpoint.method !== 'POST' && !isFree(endpoint);
}

export function isFree({ limits }: Endpoint): boolean {
  return limits.length === 0;
}

/** Returns a function that creates a value for each endpoint on its first call. */
export function perEndpoint<T extends object>(create: () => T): (endpoint: Endpoint) => T {
  const values = new Map<Endpoint, T>();
  return (endpoint) => {
    const known = values.get(endpoint);
    if (known !== undefined) return known;
    const value = create();
    values.set(endpoint, value);
    return value;
  };
}
