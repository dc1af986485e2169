// What is known of a request at each step of its way. One value grows from step to step, and each step's type says what
// it needs and what it adds, so the compiler checks the order.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JotError } from '../lib/errors.ts';
import type { Charge } from '../limit/limiter.ts';
import type { Session, User } from '../store/collections.ts';
import type { Call, Endpoint } from './endpoint.ts';
import type { Trace } from './explain.ts';

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

/** Whom a token speaks for. */
export interface Principal {
  readonly user: User;
  readonly session: Session;
  /** The password was given for this very token, not for an earlier one of the session. */
  readonly fresh: boolean;
}

/** A principal, or why there is none: whether that matters is decided later. */
export type Caller =
  | { readonly principal: Principal }
  | { readonly principal: null; readonly refusal: JotError };

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
}

export interface Valid extends Authorized {
  readonly call: Call;
}
