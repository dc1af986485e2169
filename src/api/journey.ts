// The types of a request at each step of the journey. One value grows from step to step. Each step
// declares the type that it needs and the properties that it adds, so the compiler checks the order
// of the steps.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Failure } from '../lib/errors.ts';
import type { Charge } from '../limit/limiter.ts';
import type { Call, Endpoint, ParentRows } from './endpoint.ts';
import type { Principal } from './principal.ts';
import type { Trace } from './trace.ts';

/** A request before any check. */
export interface Received {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  /** The client's, which is not always the socket's. */
  readonly address: string;
  /** On the clock that only runs forward, milliseconds. */
  readonly startMs: number;
  /** Null unless `EXPLAIN` is on. */
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

/**
 * A principal, or the reason for rejecting the token. The reason matters only if the endpoint needs
 * a user.
 */
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
  readonly parents: ParentRows;
}

export interface Valid extends Authorized {
  readonly call: Call;
}

/** A request at any step. */
export type Underway = Received & {
  readonly [Name in Exclude<keyof Valid, keyof Received>]: Valid[Name] | undefined;
};

/** Starts the journey. An object that has every field from the start saves 1 of the 23 µs of a GET. */
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

/**
 * Adds the results of a step to the request, and widens its type by them. All steps share one
 * object, so the error handler and the log see how far a request got. `{ ...request, ...added }`
 * would copy it at each step, which costs more than any step.
 */
export function advance<Before extends Received, Added>(request: Before, added: Added): Before & Added {
  return Object.assign(request, added);
}
