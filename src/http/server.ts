// The socket side: limits on how slowly and how much a client may send, what to say when Node's parser gives up, and
// ending well. Node does not enforce its own time-outs once a server is closing, and knows a socket that never sent a byte
// as busy; so this keeps its own account of the connections.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { JotError } from '../lib/errors.ts';
import { discardRest } from './discard.ts';
import { type ParserError, parserFailure } from './parser-error.ts';

/** How long things may take, in milliseconds. */
export interface Timeouts {
  /** From the first byte to the end of the head. */
  readonly headersMs: number;
  /** From the first byte to the end of the body. */
  readonly requestMs: number;
  /** Without any progress in either direction, a client that does not read its answer for one. */
  readonly stallMs: number;
  /** How often the first two are looked at. */
  readonly checkIntervalMs: number;
  /** How long requests under way have once the server is closing. */
  readonly shutdownMs: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  headersMs: 10_000,
  requestMs: 30_000,
  stallMs: 30_000,
  checkIntervalMs: 1_000,
  shutdownMs: 10_000,
};

// How many requests of one connection wait for their answers. All that came in one packet are parsed before the first of them
// is answered, and 64 KiB hold two thousand.
export const PIPELINED_MAX = 64;
// What a request takes that was parsed and is not going to be worked on: Node keeps it as long as the connection.
const EXCESS_REQUEST_BYTES = 2 * 1024;
const HEADER_BYTES_MAX = 16 * 1024;
// Longer than the usual proxy keeps an idle connection, so that it is never this side that closes it under a request.
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

/** A request whose body could not be read to the end has an exchange to answer on; one without a head has none. */
export interface ParserFailure {
  readonly socket: Socket;
  readonly error: JotError;
  readonly exchange: Exchange | null;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface HttpServerOptions {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onParserFailure: (failure: ParserFailure) => void;
  /** A connection could not be taken, for want of file descriptors for one; the next one may be. */
  readonly onAcceptFailure: (error: Error) => void;
  /** So many bytes are held, until the socket closes, for requests that came beyond what may wait. */
  readonly onExcess: (request: IncomingMessage, bytes: number) => void;
  readonly connectionsMax: number;
  readonly timeouts: Timeouts;
}

interface Connection {
  /** The newest one. */
  exchange: Exchange | null;
  unanswered: number;
  /** How many came beyond what may wait; none of them is worked on, and the newest one before them is the last. */
  excess: number;
  /** How much had come in when the last answer was finished: more than that is the start of a request. */
  bytesRead: number;
}

export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpServerOptions;
  readonly #connections = new Map<Socket, Connection>();
  #arrived: Exchange[] = [];
  #closing = false;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = createServer({
      headersTimeout: options.timeouts.headersMs,
      requestTimeout: options.timeouts.requestMs,
      connectionsCheckingInterval: options.timeouts.checkIntervalMs,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
      // A missing Host is answered by the journey, in the error shape.
      requireHostHeader: false,
    });
    // A client that has said it sends nothing more (`nc -N`) still wants its answer. Node's types don't know the property.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    this.#server.timeout = options.timeouts.stallMs;
    this.#server.maxConnections = options.connectionsMax;
    // Past its default Node drops headers without a word; the journey counts them instead.
    this.#server.maxHeadersCount = 0;
    const onRequest = (request: IncomingMessage, response: ServerResponse) =>
      this.#onRequest(request, response);
    this.#server
      // Without a listener it would end the process. What goes wrong before is the caller's of `listen`.
      .on('error', (error) => this.#server.listening && options.onAcceptFailure(error))
      .on('connection', (socket: Socket) => this.#onConnection(socket))
      .on('request', onRequest)
      // Whether the body is wanted is known only after the head was judged; the reader of the body says so then.
      .on('checkContinue', onRequest)
      .on('checkExpectation', onRequest)
      .on('connect', (request: IncomingMessage, socket: Socket) => this.#onConnect(request, socket))
      .on('clientError', (error: ParserError, socket: Socket) => this.#onClientError(error, socket));
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** How many are under way. */
  get requests(): number {
    let requests = 0;
    for (const { unanswered } of this.#connections.values()) requests += unanswered;
    return requests;
  }

  /** Starts to listen; rejects with the system's error, `EADDRINUSE` for one. */
  listen(port: number, host: string): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /**
   * Accepts no more, cuts idle connections, waits for answers under way, and cuts what is left at the deadline.
   *
   * @returns how many connections it cut then.
   */
  async close(): Promise<number> {
    if (!this.#server.listening) return 0;
    this.#closing = true;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const [socket, connection] of this.#connections) if (isIdle(socket, connection)) socket.destroy();
    let cut = 0;
    const deadline = setTimeout(() => {
      cut = this.#connections.size;
      for (const socket of this.#connections.keys()) socket.destroy();
    }, this.#options.timeouts.shutdownMs);
    await closed;
    clearTimeout(deadline);
    return cut;
  }

  #onConnection(socket: Socket): void {
    const connection: Connection = { exchange: null, unanswered: 0, excess: 0, bytesRead: 0 };
    this.#connections.set(socket, connection);
    socket
      .once('end', () => closeWithNewest(connection))
      .once('close', () => this.#connections.delete(socket));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#connections.get(socket);
    if (connection === undefined) {
      this.#options.handle(request, response);
      return;
    }
    if (connection.unanswered >= PIPELINED_MAX || connection.excess > 0) {
      this.#onExcess(request, connection);
      return;
    }
    const before = connection.exchange;
    connection.exchange = { request, response };
    connection.unanswered++;
    response.once('close', () => {
      connection.unanswered--;
      connection.bytesRead = socket.bytesRead;
      if (this.#closing && isIdle(socket, connection)) socket.destroySoon();
    });
    if (before === null || connection.unanswered === 1) {
      this.#handleSoon(request, response);
      return;
    }
    // RFC 9112 §9.3.2: only safe requests may be worked on side by side, so each waits for the answer before it. Those that came in
    // one packet are here already; reading stops until they are answered, or a client could pile up any number.
    socket.pause();
    before.response.once('close', () => {
      if (connection.unanswered === 1 && connection.excess === 0) socket.resume();
      this.#handleSoon(request, response);
    });
  }

  // RFC 9112 §9.3.2: a client that sends on without waiting has to reckon with this, and sends again what was not answered.
  #onExcess(request: IncomingMessage, connection: Connection): void {
    connection.excess++;
    if (connection.excess > 1) return;
    closeWithNewest(connection);
    discardRest(request.socket);
    // The rest of the packet is parsed by then.
    setImmediate(() => this.#options.onExcess(request, connection.excess * EXCESS_REQUEST_BYTES));
  }

  // What came in one turn of the event loop is worked on together. Between two requests that are read one by one lie calls to the
  // kernel, and after each of them the code of the journey has left the processor's caches: that costs more than all of its work.
  // It is also what gives everybody else a turn between two requests of one connection.
  #handleSoon(request: IncomingMessage, response: ServerResponse): void {
    if (this.#arrived.length === 0) setImmediate(() => this.#handleArrived());
    this.#arrived.push({ request, response });
  }

  #handleArrived(): void {
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const { request, response } of arrived) {
      // RFC 9112 §9.6: what comes behind an answer that closes the connection must not even be worked on.
      if (request.socket.writable && !response.headersSent) this.#options.handle(request, response);
    }
  }

  // A tunnel is nothing that this server has (RFC 9110 §9.3.6), and Node has given the socket away already.
  #onConnect(request: IncomingMessage, socket: Socket): void {
    const error = new JotError('method_not_allowed', `${request.method} is not available here`, {
      allow: [],
    });
    socket.on('error', () => socket.destroy());
    const exchange = this.#connections.get(socket)?.exchange ?? null;
    this.#afterAnswer(exchange, () => this.#refuse(socket, error));
  }

  #onClientError(cause: ParserError, socket: Socket): void {
    const exchange = this.#connections.get(socket)?.exchange ?? null;
    if (cause.code === 'HPE_CLOSED_CONNECTION') {
      // What comes behind a `Connection: close` is nothing to answer, but the request before it is.
      this.#afterAnswer(exchange, () => socket.destroySoon());
      return;
    }
    const error = parserFailure(cause);
    if (error === null || !socket.writable) {
      socket.destroy();
      return;
    }
    const isInItsBody = exchange !== null && !exchange.request.complete;
    if (isInItsBody && exchange.response.headersSent) socket.destroySoon();
    else if (isInItsBody) this.#options.onParserFailure({ socket, error, exchange });
    else this.#afterAnswer(exchange, () => this.#refuse(socket, error));
  }

  // The answer before may have closed the connection.
  #refuse(socket: Socket, error: JotError): void {
    if (socket.writable) this.#options.onParserFailure({ socket, error, exchange: null });
  }

  // The broken request may have come behind one that is still being answered; answers must keep the order.
  #afterAnswer(exchange: Exchange | null, then: () => void): void {
    if (exchange === null || exchange.response.closed) then();
    else exchange.response.once('close', then);
  }
}

// RFC 9112 §9.6: the last answer says so.
function closeWithNewest({ exchange }: Connection): void {
  if (exchange !== null) exchange.response.shouldKeepAlive = false;
}

function isIdle(socket: Socket, { unanswered, bytesRead }: Connection): boolean {
  return unanswered === 0 && socket.bytesRead === bytesRead;
}
