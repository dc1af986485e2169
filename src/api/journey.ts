// What is known of a request at each step of its way. One value grows from step to step, and each step's type says what
// it needs and what it adds, so the compiler checks the order.
//
// It is one and the same object all the way: whoever holds it sees how far the request got, also after a throw.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Target } from '../http/incoming.ts';
import type { Failure } from '../lib/errors.ts';
import type { Charge } from '../limit/limiter.ts';
import type { Call, Endpoint, ErasedParents } from './endpoint.ts';
import type { Principal } from './principal.ts';
import type { Trace } from './trace.ts';

/** A request as it came in, before anything about it was checked. */
export interface Received {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** The client's, which is not always the socket's. */
  readonly address: string;
  /** On the clock that only runs forward, milliseconds. */
  readonly startMs: number;
  /** Null when nobody wants to know why. */
  readonly trace: Trace | null;
}

/** Its head is valid; path and query are still percent-encoded. */
export interface Incoming extends Received {
  readonly method: string;
  readonly path: string;
  readonly query: string;
}

export interface Matched extends Incoming {
  readonly endpoint: Endpoint;
  /** Checked by the endpoint's schema. */
  readonly params: unknown;
}

/** A principal, or why there is none: whether that matters is decided later. */
export type Caller =
  | { readonly principal: Principal }
  | { readonly principal: null; readonly refusal: Failure };

export interface Identified extends Matched {
  readonly caller: Caller;
}

export interface Admitted extends Identified {
  /** Every bucket that was charged. */
  readonly charges: readonly Charge[];
}

export interface Authorized extends Admitted {
  /** Not null where the endpoint wants a user. */
  readonly principal: Principal | null;
  readonly parents: ErasedParents;
}

export interface Valid extends Authorized {
  readonly call: Call;
}

/** However far it got. */
export type Underway = Received & {
  readonly [K in Exclude<keyof Valid, keyof Received>]: Valid[K] | undefined;
};

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** With room for what is to come: objects that never change their shape are those that engines are quick with. */
export function begin({ request, response, requestId, address, startMs, trace }: Received): Underway {
  return {
    request,
    response,
    requestId,
    address,
    startMs,
    trace,
    method: undefined,
    path: undefined,
    query: undefined,
    endpoint: undefined,
    params: undefined,
    caller: undefined,
    charges: undefined,
    principal: undefined,
    parents: undefined,
    call: undefined,
  };
}

export function toIncoming(received: Received, method: string, { path, query }: Target): Incoming {
  const incoming = received as Writable<Incoming>;
  incoming.method = method;
  incoming.path = path;
  incoming.query = query;
  return incoming;
}

export function toMatched(incoming: Incoming, endpoint: Endpoint, params: unknown): Matched {
  const matched = incoming as Writable<Matched>;
  matched.endpoint = endpoint;
  matched.params = params;
  return matched;
}

export function toIdentified(matched: Matched, caller: Caller): Identified {
  const identified = matched as Writable<Identified>;
  identified.caller = caller;
  return identified;
}

export function toAdmitted(identified: Identified, charges: readonly Charge[]): Admitted {
  const admitted = identified as Writable<Admitted>;
  admitted.charges = charges;
  return admitted;
}

export function toAuthorized(
  admitted: Admitted,
  principal: Principal | null,
  parents: ErasedParents,
): Authorized {
  const authorized = admitted as Writable<Authorized>;
  authorized.principal = principal;
  authorized.parents = parents;
  return authorized;
}

export function toValid(authorized: Authorized, call: Call): Valid {
  const valid = authorized as Writable<Valid>;
  valid.call = call;
  return valid;
}
