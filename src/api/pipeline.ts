// The journey of a request, on one page. The order is the point: what is cheap comes before what is dear, what anybody may
// know before what only some may, and nothing is read from a caller before it is known who that is.
//
//   parse ── route ── identify ── admit ── authorize ── validate ── handle and marshal ── respond
//
// A throw anywhere leads to one error answer. `respond` is the only step that writes.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { clientAddress, type TrustedProxies } from '../http/address.ts';
import { type Backlog, bytesHeld, pauseUntilTaken } from '../http/backlog.ts';
import { awaitsContinue } from '../http/body.ts';
import type { Exchange } from '../http/connection.ts';
import { type AllowedOrigins, corsHeaders, preflightHeaders } from '../http/cors.ts';
import { failureReply } from '../http/failure.ts';
import { checkHead, parseTarget } from '../http/incoming.ts';
import { append, type HeaderList, type Reply, send, sendRaw } from '../http/reply.ts';
import { requestIdOf } from '../http/request-id.ts';
import type { ParserFailure } from '../http/server.ts';
import type { TurnQueue } from '../http/turn-queue.ts';
import { JotError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { type AdmitOptions, createAdmit, rateLimitHeaders, untilAllAllow } from './admit.ts';
import { type AuthorizeOptions, createAuthorize } from './authorize.ts';
import { plainHeaders, timing } from './common-headers.ts';
import type { Endpoint } from './endpoint.ts';
import { createHandle, type HandleOptions } from './handle.ts';
import {
  type Admitted,
  type Authorized,
  begin,
  type Identified,
  type Incoming,
  type Matched,
  type Received,
  toIncoming,
  type Underway,
  type Valid,
} from './journey.ts';
import { createRoutes, type Routes } from './match-endpoint.ts';
import type { Metrics } from './metrics.ts';
import { type StepName, Trace } from './trace.ts';
import { createValidate } from './validate-call.ts';

// As long as a request id may be. No word and no id of ours is longer, but a token is that somebody put into a path.
const SEGMENT_LENGTH_LOGGED_MAX = 64;

export interface PipelineOptions extends AdmitOptions, AuthorizeOptions, HandleOptions {
  readonly endpoints: readonly Endpoint[];
  readonly identify: (matched: Matched) => Identified | Promise<Identified>;
  /** What to say where there is no endpoint; null: 404. */
  readonly elsewhere: JotError | null;
  readonly backlog: Backlog;
  readonly bodyBytesMax: number;
  readonly bodyTurns: TurnQueue;
  readonly trustProxy: TrustedProxies;
  readonly corsOrigin: AllowedOrigins;
  /** What `WWW-Authenticate` says. */
  readonly challenge: string;
  readonly explain: boolean;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds on a clock that only runs forward. */
  readonly elapsedMs: () => number;
  /** Whether connections are to be closed after their answer. */
  readonly isClosing: () => boolean;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #routes: Routes;
  readonly #admit: (identified: Identified) => Admitted;
  readonly #authorize: (admitted: Admitted) => Authorized | Promise<Authorized>;
  readonly #validate: (authorized: Authorized) => Valid | Promise<Valid>;
  readonly #represent: (valid: Valid) => Promise<Reply>;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#routes = createRoutes(options.endpoints, options.elsewhere);
    this.#admit = createAdmit(options);
    this.#authorize = createAuthorize(options);
    this.#validate = createValidate(options);
    this.#represent = createHandle(options, this.#routes.getterOf);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const received = this.#receive(request, response);
      this.#respond(received, await this.#answer(received));
    } catch (error) {
      this.#giveUp(error, request.socket, { request, response });
    }
  }

  /** Answers in place of the journey what never got far enough to begin it, or lost its body on the way. */
  handleParserFailure({ socket, error, exchange }: ParserFailure): void {
    try {
      this.#refuse(error, socket, exchange);
    } catch (unexpected) {
      this.#giveUp(unexpected, socket, exchange);
    }
  }

  async #answer(received: Underway): Promise<Reply> {
    try {
      const incoming = enter('parse', parse, received);
      if (incoming.method === 'OPTIONS') return enter('route', (it) => this.#describeMethods(it), incoming);
      const matched = enter('route', this.#routes.route, incoming);
      const identified = await enter('identify', this.#options.identify, matched);
      const admitted = enter('admit', this.#admit, identified);
      // Most endpoints have neither a parent nor a body to wait for, and an `await` costs a turn of the microtask queue.
      const authorizing = enter('authorize', this.#authorize, admitted);
      const authorized = authorizing instanceof Promise ? await authorizing : authorizing;
      const validating = enter('validate', this.#validate, authorized);
      return await this.#represent(validating instanceof Promise ? await validating : validating);
    } catch (error) {
      return this.#fail(error, received);
    }
  }

  #refuse(error: JotError, socket: Socket, exchange: Exchange | null): void {
    const { challenge, metrics, log } = this.#options;
    const trace = this.#createTrace();
    trace?.begin('parse');
    trace?.because(error.message);
    const requestId = requestIdOf(exchange?.request.headers['x-request-id']);
    const reply = failureReply(error, challenge);
    this.#sendLast(socket, exchange, reply, [...plainHeaders(requestId, undefined), ...timing(trace)]);
    metrics.observe(exchange?.request.method ?? '(none)', '(none)', reply.status, 0);
    log.info('request refused', { request_id: requestId, status: reply.status, reason: error.message });
  }

  // What failed is one of the things that every answer is made with, a clock for one, so this one is made without.
  #giveUp(error: unknown, socket: Socket, exchange: Exchange | null): void {
    const requestId = requestIdOf(exchange?.request.headers['x-request-id']);
    this.#sendLast(socket, exchange, this.#unexpected(error, requestId), plainHeaders(requestId, undefined));
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
    const { log, challenge } = this.#options;
    trace?.because(error.message);
    const { cause } = error.details;
    if (cause !== undefined) log.warn('failed', { request_id: requestId, reason: String(cause) });
    return failureReply(
      error.code === 'too_many_requests' ? untilAllAllow(error, charges) : error,
      challenge,
    );
  }

  #unexpected(error: unknown, requestId: string): Reply {
    const { log, challenge } = this.#options;
    const stack = error instanceof Error ? error.stack : String(error);
    log.error('unexpected error', { request_id: requestId, stack });
    return failureReply(new JotError('internal', `Something went wrong; request ${requestId}`), challenge);
  }

  #respond(underway: Underway, reply: Reply): void {
    const { request, response, requestId, address, trace, endpoint, charges = [] } = underway;
    // The parser may have given up on the body meanwhile, and that was answered.
    if (response.headersSent) return;
    const { now, corsOrigin, isClosing, bodyBytesMax, backlog } = this.#options;
    const headers = [...reply.headers];
    append(headers, rateLimitHeaders(charges, now()));
    append(headers, corsHeaders(corsOrigin, request.headers.origin));
    append(headers, plainHeaders(requestId, endpoint));
    append(headers, timing(trace));
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
    // Whoever has gone, or was cut off at the end of a shutdown, got no status. What was made of a whole request is worth telling
    // all the same; of half of one it is only that the rest did not come.
    const isAborted = response.destroyed && !response.writableFinished;
    metrics.observe(method, endpoint?.path ?? '(none)', isAborted ? 'aborted' : status, tookMs / 1000);
    const told = {
      request_id: requestId,
      method,
      // The query stays out of the log, and so does a target that was not understood: people put secrets there.
      path: path === undefined ? '(none)' : withoutLongSegments(path),
      status: isAborted ? undefined : status,
      ms: Math.round(tookMs * 100) / 100,
      address,
      user: user ?? caller?.principal?.user.id,
    };
    const unsent_status = request.complete ? status : undefined;
    log.info('request', isAborted ? { ...told, aborted: true, unsent_status } : told);
  }
}

function withoutLongSegments(path: string): string {
  if (path.length <= SEGMENT_LENGTH_LOGGED_MAX) return path;
  return path
    .split('/')
    .map((segment) => (segment.length > SEGMENT_LENGTH_LOGGED_MAX ? '(long)' : segment))
    .join('/');
}

// Each step's name is noted before it runs, so that a throw is told under the name of the step it came from.
function enter<From extends Received, To>(name: StepName, step: (from: From) => To, from: From): To {
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
  return toIncoming(received, method, target);
}
