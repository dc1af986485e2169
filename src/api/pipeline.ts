// The journey of a request, on one page. The order of the steps is the point: cheap checks precede
// expensive ones, errors that any client may see precede errors that only some clients may see, and
// no body is read from an unknown caller.
//
//   parse ── route ── identify ── admit ── authorize ── validate ── handle and marshal ── respond
//
// An exception in any step leads to one error response. `respond` is the only step that writes.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { clientAddress } from '../http/address.ts';
import { type Backlog, bytesHeld, pauseUntilTaken } from '../http/backlog.ts';
import { awaitsContinue } from '../http/body.ts';
import type { Exchange } from '../http/connection.ts';
import { type AllowedOrigins, corsHeaders, preflightHeaders } from '../http/cors.ts';
import { failureReply } from '../http/failure.ts';
import { checkHead, parseTarget } from '../http/incoming.ts';
import { type HeaderList, type Reply, send, sendRaw } from '../http/reply.ts';
import { requestIdOf } from '../http/request-id.ts';
import type { ParserFailure } from '../http/server.ts';
import { JotError } from '../lib/errors.ts';
import { type AdmitOptions, createAdmit, rateLimitHeaders, untilAllAllow } from './admit.ts';
import { type AuthorizeOptions, createAuthorize } from './authorize.ts';
import type { Endpoint } from './endpoint.ts';
import { createHandle, type HandleOptions } from './handle.ts';
import { leaveUnknown } from './identify.ts';
import {
  type Admitted,
  type Authorized,
  advance,
  begin,
  type Identified,
  type Incoming,
  type Matched,
  type Received,
  type Underway,
  type Valid,
} from './journey.ts';
import { createRoutes, type Routes, type RoutesOptions } from './match-endpoint.ts';
import type { Metrics } from './metrics.ts';
import { Trace } from './trace.ts';
import { createValidate, type ValidateOptions } from './validate-call.ts';

// The maximum length of a request id. No path segment or id of ours is longer, but a token that a
// client put into a path is.
const SEGMENT_LENGTH_LOGGED_MAX = 64;
const PATH_LENGTH_LOGGED_MAX = 256;

export interface PipelineOptions
  extends RoutesOptions,
    AdmitOptions,
    AuthorizeOptions,
    ValidateOptions,
    HandleOptions {
  readonly identify: (matched: Matched) => Identified | Promise<Identified>;
  readonly backlog: Backlog;
  readonly corsOrigin: AllowedOrigins;
  /** The schemes of `Authorization`; challenges name the first. */
  readonly authPrefixes: readonly string[];
  readonly explain: boolean;
  readonly metrics: Metrics;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds on a clock that only runs forward. */
  readonly elapsedMs: () => number;
  /** Whether connections are to be closed after their response. */
  readonly isClosing: () => boolean;
}

/** The options of a pipeline without a store, which has neither users nor rows. */
export const WITHOUT_STORE = {
  identify: leaveUnknown,
  findRow: async () => null,
  limiters: new Map(),
  cache: null,
  kept: null,
} satisfies Partial<PipelineOptions>;

/** The options that are the same with and without a store. */
export type CommonOptions = Omit<PipelineOptions, 'endpoints' | 'elsewhere' | keyof typeof WITHOUT_STORE>;

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #challenge: string;
  readonly #routes: Routes;
  readonly #admit: (identified: Identified) => Admitted;
  readonly #authorize: (admitted: Admitted) => Authorized | Promise<Authorized>;
  readonly #validate: (authorized: Authorized) => Valid | Promise<Valid>;
  readonly #handle: (valid: Valid) => Promise<Reply>;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#challenge = `${options.authPrefixes[0]} realm="Login Required"`;
    this.#routes = createRoutes(options);
    this.#admit = createAdmit(options);
    this.#authorize = createAuthorize(options);
    this.#validate = createValidate(options);
    this.#handle = createHandle(options, this.#routes.getterOf);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const received = this.#receive(request, response);
      this.#respond(received, await this.#run(received));
    } catch (error) {
      this.#giveUp(error, request.socket, { request, response });
    }
  }

  /** Responds to a request that Node's parser rejected, before the journey or while its body was read. */
  handleParserFailure({ socket, error, exchange }: ParserFailure): void {
    try {
      const { metrics, log } = this.#options;
      const trace = this.#createTrace();
      trace?.begin('parse');
      trace?.because(error.message);
      const requestId = requestIdOf(exchange?.request.headers['x-request-id']);
      const reply = failureReply(error, this.#challenge);
      this.#sendLast(socket, exchange, reply, commonHeaders(requestId, trace));
      metrics.observe(exchange?.request.method ?? '(none)', '(none)', reply.status, 0);
      log.info('request refused', { request_id: requestId, status: reply.status, reason: error.message });
    } catch (unexpected) {
      this.#giveUp(unexpected, socket, exchange);
    }
  }

  async #run(received: Underway): Promise<Reply> {
    try {
      const incoming = enter('parse', parse, received);
      if (incoming.method === 'OPTIONS') return enter('route', (it) => this.#describeMethods(it), incoming);
      const matched = enter('route', this.#routes.route, incoming);
      const identified = await enter('identify', this.#options.identify, matched);
      const admitted = enter('admit', this.#admit, identified);
      // Awaiting the two only where they have to read something saves 1 of the 23 µs of a GET.
      const authorizing = enter('authorize', this.#authorize, admitted);
      const authorized = authorizing instanceof Promise ? await authorizing : authorizing;
      const validating = enter('validate', this.#validate, authorized);
      return await this.#handle(validating instanceof Promise ? await validating : validating);
    } catch (error) {
      return this.#fail(error, received);
    }
  }

  // A part that every response needs has failed, such as the clock, so this response leaves it out.
  #giveUp(error: unknown, socket: Socket, exchange: Exchange | null): void {
    const requestId = requestIdOf(exchange?.request.headers['x-request-id']);
    this.#sendLast(socket, exchange, this.#unexpected(error, requestId), commonHeaders(requestId, null));
  }

  #sendLast(socket: Socket, exchange: Exchange | null, reply: Reply, more: HeaderList): void {
    const { bodyBytesMax } = this.#options;
    const headers = [...reply.headers, ...more];
    if (exchange === null) sendRaw(socket, reply, headers);
    else send(exchange.request, exchange.response, reply, { headers, close: true, bodyBytesMax });
  }

  #receive(request: IncomingMessage, response: ServerResponse): Underway {
    const { trustProxy, elapsedMs } = this.#options;
    return begin({
      request,
      response,
      requestId: requestIdOf(request.headers['x-request-id']),
      address: clientAddress(request, trustProxy),
      startMs: elapsedMs(),
      trace: this.#createTrace(),
    });
  }

  #createTrace(): Trace | null {
    const { explain, elapsedMs } = this.#options;
    return explain ? new Trace(elapsedMs) : null;
  }

  #describeMethods(incoming: Incoming): Reply {
    const methods = this.#routes.allowedMethods(incoming.path);
    const headers = ['Allow', methods.join(', '), ...preflightHeaders(this.#options.corsOrigin, methods)];
    return { status: 204, headers, body: null };
  }

  #fail(error: unknown, { requestId, trace, charges = [] }: Underway): Reply {
    if (!(error instanceof JotError)) return this.#unexpected(error, requestId);
    trace?.because(error.message);
    const { cause } = error.details;
    if (cause !== undefined)
      this.#options.log.warn('failed', { request_id: requestId, reason: String(cause) });
    const failure = error.code === 'rate_limited' ? untilAllAllow(error, charges) : error;
    return failureReply(failure, this.#challenge);
  }

  #unexpected(error: unknown, requestId: string): Reply {
    const stack = error instanceof Error ? error.stack : String(error);
    this.#options.log.error('unexpected error', { request_id: requestId, stack });
    return failureReply(
      new JotError('internal', `Something went wrong; request ${requestId}`),
      this.#challenge,
    );
  }

  #respond(underway: Underway, reply: Reply): void {
    const { request, response, requestId, address, trace, endpoint, charges = [] } = underway;
    // Node's parser may have rejected the body in the meantime, and that response has been sent.
    if (response.headersSent) return;
    const { now, corsOrigin, isClosing, bodyBytesMax, backlog } = this.#options;
    const headers = [
      ...reply.headers,
      ...rateLimitHeaders(charges, now()),
      ...corsHeaders(corsOrigin, request.headers.origin),
      ...commonHeaders(requestId, trace, endpoint),
    ];
    send(request, response, reply, { headers, close: isClosing(), bodyBytesMax });
    const bytes = bytesHeld(request, response, reply);
    if (bytes > 0) {
      pauseUntilTaken(request, response);
      backlog.hold({ socket: request.socket, address, bytes, until: response });
    }
    this.#record(underway, reply);
  }

  #record(underway: Underway, { status, user }: Reply): void {
    const { request, response, requestId, startMs, address, endpoint, path, caller } = underway;
    const { elapsedMs, metrics, log } = this.#options;
    const tookMs = elapsedMs() - startMs;
    const method = request.method ?? '';
    // A client that disconnected, or was cut off at the end of a shutdown, received no status. The
    // log keeps the status of a complete request all the same. That of an incomplete request would
    // only report the missing rest.
    const isAborted = response.destroyed && !response.writableFinished;
    metrics.observe(method, endpoint?.path ?? '(none)', isAborted ? 'aborted' : status, tookMs / 1000);
    const fields = {
      request_id: requestId,
      method,
      // The query and a malformed target are not logged, since clients put secrets there.
      path: path === undefined ? '(none)' : pathForLog(path),
      status: isAborted ? undefined : status,
      ms: Math.round(tookMs * 100) / 100,
      address,
      user: user ?? caller?.principal?.user.id,
    };
    const unsent_status = request.complete ? status : undefined;
    log.info('request', isAborted ? { ...fields, aborted: true, unsent_status } : fields);
  }
}

function commonHeaders(requestId: string, trace: Trace | null, endpoint?: Endpoint): HeaderList {
  const cache = cacheControl(endpoint);
  const headers = ['Cache-Control', cache, 'X-Content-Type-Options', 'nosniff', 'X-Request-Id', requestId];
  if (trace !== null) headers.push('Server-Timing', trace.toHeader());
  return headers;
}

// No cache may store a token, and no shared cache a response to a request with a token. Public
// lists are revalidated before each use, so a read sees the preceding write.
function cacheControl(endpoint: Endpoint | undefined): string {
  if (endpoint?.secret) return 'no-store';
  const isPrivate = endpoint !== undefined && endpoint.access.kind !== 'anyone';
  return isPrivate ? 'private, no-cache' : 'no-cache';
}

function pathForLog(path: string): string {
  if (path.length <= SEGMENT_LENGTH_LOGGED_MAX) return path;
  return path
    .split('/')
    .map((segment) => (segment.length > SEGMENT_LENGTH_LOGGED_MAX ? '(long)' : segment))
    .join('/')
    .slice(0, PATH_LENGTH_LOGGED_MAX);
}

// The step's name is recorded before the step runs, so that the trace shows an exception at its
// step.
function enter<From extends Received, To>(name: string, step: (from: From) => To, from: From): To {
  from.trace?.begin(name);
  return step(from);
}

function parse(received: Received): Incoming {
  const { request, trace } = received;
  checkHead(request);
  if (request.httpVersionMinor > 0 && request.headers.expect !== undefined && !awaitsContinue(request)) {
    throw new JotError('expectation_failed', 'The only supported expectation is 100-continue');
  }
  const method = request.method ?? '';
  const target = parseTarget(method, request.url ?? '');
  trace?.because(`HTTP/${request.httpVersion}`);
  return advance(received, { method, ...target });
}
