// The server's sockets: limits on how slowly and how much a client may send, responses to what Node's parser rejects, and a close that
// loses no request. Node alone is not enough for the last: it stops enforcing its timeouts once a server is closing, and counts a socket
// that never sent a byte as busy. So this file keeps a Connection for each socket.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { JotError } from '../lib/errors.ts';
import { Connection, type Exchange, empty, type Waiting } from './connection.ts';
import { type ParserError, parserFailure } from './parser-error.ts';
import type { TurnQueue } from './turn-queue.ts';

/** Time limits in milliseconds. */
export interface Timeouts {
  /** From the first byte to the end of the head. */
  readonly headersMs: number;
  /** From the first byte to the end of the body. */
  readonly requestMs: number;
  /** Without progress in either direction, such as a client that does not read its response. */
  readonly stallMs: number;
  /** Interval at which the first two are checked. */
  readonly checkIntervalMs: number;
  /** For requests in progress once the server is closing. */
  readonly shutdownMs: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  headersMs: 10_000,
  requestMs: 30_000,
  stallMs: 30_000,
  checkIntervalMs: 1_000,
  shutdownMs: 10_000,
};

const HEADER_BYTES_MAX = 16 * 1024;
// Longer than usual proxies keep an idle connection, so that this side never closes one just as a request arrives.
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
// The kernel queues up to 511 connections for Node (`net.Server`), which accepts one in each turn of the event loop. More may arrive
// meanwhile.
const CLOSING_TURNS_MAX = 1_024;

/** `exchange` is null if the parser failed before the end of a head. */
export interface ParserFailure {
  readonly socket: Socket;
  readonly error: JotError;
  readonly exchange: Exchange | null;
}

export interface HttpServerOptions {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onParserFailure: (failure: ParserFailure) => void;
  /** Called when a connection could not be accepted, for example for lack of file descriptors. */
  readonly onAcceptFailure: (error: Error) => void;
  readonly connectionsMax: number;
  /** Maximum memory of pipelined requests that wait, on all connections together. */
  readonly waitingBytesMax: number;
  /** Spreads the handling of requests over turns of the event loop. */
  readonly turns: TurnQueue;
  readonly timeouts: Timeouts;
}

export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpServerOptions;
  readonly #connections = new Map<Socket, Connection>();
  readonly #waiting: Waiting;
  #closing = false;
  #taken = 0;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#waiting = { bytes: 0, bytesMax: options.waitingBytesMax };
    this.#server = createServer({
      headersTimeout: options.timeouts.headersMs,
      requestTimeout: options.timeouts.requestMs,
      connectionsCheckingInterval: options.timeouts.checkIntervalMs,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
      // The pipeline rejects a missing Host, in the error shape.
      requireHostHeader: false,
    });
    // A client that has ended its side (`nc -N`) still wants its response. Node's types lack the property.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    // Node would call it on close and cut clients that have not read all of a response or whose request is still unread.
    this.#server.closeIdleConnections = () => undefined;
    this.#server.timeout = options.timeouts.stallMs;
    this.#server.maxConnections = options.connectionsMax;
    // Past its default Node drops headers silently; the pipeline counts them instead.
    this.#server.maxHeadersCount = 0;
    const onRequest = (request: IncomingMessage, response: ServerResponse) =>
      this.#onRequest(request, response);
    this.#server
      // Without a listener an error would end the process. Errors before the server listens reject `listen`.
      .on('error', (error) => this.#server.listening && options.onAcceptFailure(error))
      .on('connection', (socket: Socket) => this.#onConnection(socket))
      .on('request', onRequest)
      // Whether the body is wanted is known only after the head was checked; `readBody` then sends 100 Continue.
      .on('checkContinue', onRequest)
      .on('checkExpectation', onRequest)
      .on('connect', (request: IncomingMessage, socket: Socket) => this.#onConnect(request, socket))
      .on('clientError', (error: ParserError, socket: Socket) => this.#onClientError(error, socket));
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** How many requests are in progress. */
  get requests(): number {
    let requests = 0;
    for (const { pending } of this.#connections.values()) requests += pending;
    return requests;
  }

  /** Starts to listen; rejects with the system's error, such as `EADDRINUSE`. */
  async listen(port: number, host: string): Promise<AddressInfo> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    return this.#server.address() as AddressInfo;
  }

  /**
   * Accepts the connections that the kernel has queued and then no more, closes idle ones, waits for responses in progress, and cuts the
   * remaining connections at the deadline.
   *
   * @returns how many it cut at the deadline.
   */
  async close(): Promise<number> {
    if (!this.#server.listening) return 0;
    this.#closing = true;
    let isOver = false;
    const cut: Promise<unknown>[] = [];
    const cutAll = () => {
      isOver = true;
      for (const socket of this.#connections.keys()) {
        cut.push(new Promise((resolve) => socket.once('close', resolve)));
        socket.destroy();
      }
    };
    const deadline = setTimeout(cutAll, this.#options.timeouts.shutdownMs);
    await this.#takeWaiting(() => isOver);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    // Connections that were accepted in the same turn, after the deadline.
    if (isOver) cutAll();
    for (const [socket, { isIdle }] of this.#connections) if (isIdle) socket.destroy();
    await closed;
    clearTimeout(deadline);
    // Node's server closes before its sockets do. Their requests are aborted then, and must be logged before the caller ends the
    // process.
    await Promise.all(cut);
    await turn();
    return cut.length;
  }

  // A connected client may have sent its request although Node has accepted neither: both are in the kernel, which resets the
  // connection when the listening socket is closed. The first turn may end before anything is accepted or read, the second does not.
  // So after two turns without a new connection the queue is empty, and the request on the last connection has been read.
  async #takeWaiting(isOver: () => boolean): Promise<void> {
    let quiet = 0;
    for (let turns = 0; turns < CLOSING_TURNS_MAX && quiet < 2 && !isOver(); turns++) {
      const before = this.#taken;
      await turn();
      quiet = this.#taken === before ? quiet + 1 : 0;
    }
  }

  #onConnection(socket: Socket): void {
    this.#taken++;
    const onIdle = () => this.#closing && socket.destroySoon();
    this.#connections.set(socket, new Connection(socket, this.#waiting, onIdle));
    socket.once('close', () => this.#connections.delete(socket));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    if (connection.isFull) {
      this.#onExcess(request, connection);
      return;
    }
    const exchange = { request, response };
    const before = connection.begin(exchange);
    response.on('close', connection.finish);
    const { turns } = this.#options;
    const handle = () => this.#handle(exchange);
    if (before === null) turns.soon(handle);
    else connection.wait(exchange, before, () => turns.soon(handle));
  }

  // RFC 9112 §9.3.2: a client that pipelines must expect this, and sends the requests without a response again.
  #onExcess(request: IncomingMessage, connection: Connection): void {
    empty(request);
    if (connection.isOver) return;
    connection.closeWithNewest();
    // The head of that response may have been sent already.
    connection.endWithNewest(() => request.socket.destroySoon());
  }

  // Requests that came in one turn are handled together. Between requests that are read one by one lie system calls, after each of which
  // the code of the pipeline has left the processor's caches: that costs more than the code itself.
  #handle({ request, response }: Exchange): void {
    // RFC 9112 §9.6: requests after a response that closes the connection must not be handled.
    if (request.socket.writable && !response.headersSent) this.#options.handle(request, response);
  }

  // This server has no tunnels (RFC 9110 §9.3.6). Node has already removed its listeners from the socket, whose timeout still runs.
  #onConnect(request: IncomingMessage, socket: Socket): void {
    const error = new JotError('method_not_allowed', `${request.method} is not available here`, {
      allow: [],
    });
    const destroy = () => socket.destroy();
    socket.on('error', destroy).on('timeout', destroy);
    this.#refuse(socket, error);
  }

  #onClientError(cause: ParserError, socket: Socket): void {
    const connection = this.#connections.get(socket);
    const error = parserFailure(cause);
    if (error === null || connection === undefined) {
      socket.destroy();
      return;
    }
    // The connection is ending already.
    if (connection.isOver) return;
    const { exchange } = connection;
    const isInItsBody = exchange !== null && !exchange.request.complete;
    // Bytes after a `Connection: close` get no response, but the request before them does.
    if (cause.code === 'HPE_CLOSED_CONNECTION') connection.endWithNewest(() => socket.destroySoon());
    else if (!socket.writable) socket.destroy();
    else if (!isInItsBody) this.#refuse(socket, error);
    else {
      connection.stopReading();
      if (exchange.response.headersSent) socket.destroySoon();
      else this.#options.onParserFailure({ socket, error, exchange });
    }
  }

  // The refused request may have followed one that is still in progress and whose response may close the connection.
  #refuse(socket: Socket, error: JotError): void {
    const connection = this.#connections.get(socket);
    connection?.endWithNewest(() => {
      if (socket.writable) this.#options.onParserFailure({ socket, error, exchange: null });
    });
  }
}
