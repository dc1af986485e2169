// The server's sockets: limits on how slowly and how much a client may send, responses to requests
// that Node's parser rejects, and a shutdown that loses no request. Node alone fails at the last:
// once a server is closing, it stops enforcing its timeouts, and it counts a socket that never sent
// a byte as busy. So this file keeps a Connection for each socket.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { JotError } from '../lib/errors.ts';
import { Admission, CONNECTIONS_MAX } from './admission.ts';
import { Connection, type Exchange, empty, type Waiting } from './connection.ts';
import { connectionsPossible } from './descriptors.ts';
import { HEADERS_MAX } from './incoming.ts';
import { type ParserError, parserFailure, STALLED } from './parser-error.ts';
import type { TurnQueue } from './turn-queue.ts';

/** Time limits in milliseconds. */
export interface Timeouts {
  /** From the first byte to the end of the head. */
  readonly headersMs: number;
  /** From the first byte to the end of the body. */
  readonly requestMs: number;
  /**
   * Time without progress in either direction, such as a client that does not read its response.
   */
  readonly stallMs: number;
  /** Time between two requests on a connection. */
  readonly keepAliveMs: number;
  /** Interval at which the first two are checked. */
  readonly checkIntervalMs: number;
  /** Time for requests in progress once the server is closing. */
  readonly shutdownMs: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  headersMs: 10_000,
  requestMs: 30_000,
  stallMs: 30_000,
  // Longer than common proxies keep an idle connection (Caddy: 120 s). Otherwise Jot could close a
  // connection just as a request arrives, and the proxy would respond with 502.
  keepAliveMs: 125_000,
  checkIntervalMs: 1_000,
  shutdownMs: 10_000,
};

const HEADER_BYTES_MAX = 16 * 1024;
// The kernel queues up to 511 connections (`net.Server`), and Node accepts one in each event-loop
// turn. More may arrive in the meantime.
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
  /** Called when a connection cannot be accepted, for example for lack of file descriptors. */
  readonly onAcceptFailure: (error: Error) => void;
  readonly connectionsMax: number;
  /** Called with the lowered maximum if memory or file descriptors allow fewer connections. */
  readonly onConnectionsLowered: (connectionsMax: number) => void;
  /** Maximum memory of waiting pipelined requests on all connections, in bytes. */
  readonly waitingBytesMax: number;
  /** Spreads the handling of requests over event-loop turns. */
  readonly turns: TurnQueue;
  readonly timeouts: Timeouts;
}

export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpServerOptions;
  readonly #connections = new Map<Socket, Connection>();
  readonly #admission = new Admission();
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
      keepAliveTimeout: options.timeouts.keepAliveMs,
      maxHeaderSize: HEADER_BYTES_MAX,
      // The pipeline rejects a missing Host, in the error shape.
      requireHostHeader: false,
    });
    // A client that has ended its side (`nc -N`) still expects its response. Node's types lack the
    // property.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    // Node would call this on close, and cut clients that have not read all of a response or whose
    // request is still unread.
    this.#server.closeIdleConnections = () => undefined;
    this.#server.timeout = options.timeouts.stallMs;
    // Node silently drops headers beyond this count. One more than allowed is enough for the
    // pipeline to reject the request.
    this.#server.maxHeadersCount = HEADERS_MAX + 1;
    const onRequest = (request: IncomingMessage, response: ServerResponse) =>
      this.#onRequest(request, response);
    this.#server
      // Without a listener, an error would end the process. Errors before the server listens reject
      // `listen`.
      .on('error', (error) => this.#server.listening && options.onAcceptFailure(error))
      .on('connection', (socket: Socket) => this.#onConnection(socket))
      .on('request', onRequest)
      // `100 Continue` is sent by `readBody`, since only a check of the head shows whether the body
      // is wanted.
      .on('checkContinue', onRequest)
      .on('checkExpectation', onRequest)
      .on('timeout', (socket: Socket) => this.#onStall(socket))
      .on('connect', (request: IncomingMessage, socket: Socket) => this.#onConnect(request, socket))
      .on('clientError', (error: ParserError, socket: Socket) => this.#onClientError(error, socket));
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Number of connections closed because there were too many. */
  get refused(): number {
    return this.#admission.refused;
  }

  /** Number of requests in progress. */
  get requests(): number {
    let requests = 0;
    for (const { pending } of this.#connections.values()) requests += pending;
    return requests;
  }

  /** Starts listening. Rejects with the system's error, such as `EADDRINUSE`. */
  async listen(port: number, host: string): Promise<AddressInfo> {
    const { connectionsMax, onConnectionsLowered } = this.#options;
    this.#admission.max = Math.min(connectionsMax, connectionsPossible(), CONNECTIONS_MAX);
    if (this.#admission.max < connectionsMax) onConnectionsLowered(this.#admission.max);
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    return this.#server.address() as AddressInfo;
  }

  /**
   * Accepts the connections that the kernel has queued, and then no more. Closes idle connections,
   * waits for responses in progress, and cuts the remaining connections at the deadline.
   *
   * @returns the number of connections cut at the deadline.
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
    // Connections accepted in the same turn, after the deadline.
    if (isOver) cutAll();
    for (const [socket, { isIdle }] of this.#connections) if (isIdle) socket.destroy();
    await closed;
    clearTimeout(deadline);
    // Node's server closes before its sockets do. The requests of these sockets are then aborted,
    // and must be logged before the caller ends the process.
    await Promise.all(cut);
    await turn();
    return cut.length;
  }

  // A connected client may have sent a request although Node has accepted neither: both are still
  // in the kernel, which resets the connection when the listening socket is closed. The first turn
  // may end before the connection is accepted or read; the second does not. So after two turns
  // without a new connection, the queue is empty, and the request on the last connection has been
  // read.
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
    // Node asks the kernel for the address on first use, and then keeps it. After a reset the
    // kernel has none, and all such requests would share a bucket.
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    this.#admission.admit(socket, socket.remoteAddress);
    if (socket.destroyed) return;
    const onIdle = () => this.#closing && socket.destroySoon();
    this.#connections.set(socket, new Connection(socket, this.#waiting, onIdle));
    socket.once('close', () => this.#connections.delete(socket));
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    this.#admission.use(socket);
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

  // RFC 9112 §9.3.2: a client that pipelines must expect this, and resends the requests that got no
  // response.
  #onExcess(request: IncomingMessage, connection: Connection): void {
    empty(request);
    if (connection.isOver) return;
    connection.closeWithNewest();
    // The head of that response may already have been sent.
    connection.endWithNewest(() => request.socket.destroySoon());
  }

  // Requests that arrive in one turn are handled together. If each were handled when it is read,
  // the system calls in between would evict the code of the pipeline from the processor's caches,
  // which costs more than the code itself.
  #handle({ request, response }: Exchange): void {
    // RFC 9112 §9.6: requests after a response that closes the connection must not be handled.
    if (request.socket.writable && !response.headersSent) this.#options.handle(request, response);
  }

  // This server has no tunnels (RFC 9110 §9.3.6). Node has already removed its listeners from the
  // socket, but the timeout of the socket still runs.
  #onConnect(request: IncomingMessage, socket: Socket): void {
    const error = new JotError('method_not_allowed', `${request.method} is not available here`, {
      allow: [],
    });
    const destroy = () => socket.destroy();
    socket.on('error', destroy).on('timeout', destroy);
    this.#refuse(socket, error);
  }

  // Without a listener, Node closes a stalled socket without a response. If a client stops in a
  // body, this timeout comes before `requestTimeout`, which Node checks only at intervals.
  #onStall(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection?.isReceiving) this.#onClientError(STALLED, socket);
    else socket.destroy();
  }

  #onClientError(cause: ParserError, socket: Socket): void {
    const connection = this.#connections.get(socket);
    const error = parserFailure(cause);
    // A browser connects before it has a request, and would take a 408 for the response to it.
    if (error === null || connection === undefined || socket.bytesRead === 0) {
      socket.destroy();
      return;
    }
    // The connection is already ending.
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

  // The rejected request may have followed one that is still in progress, whose response may close
  // the connection.
  #refuse(socket: Socket, error: JotError): void {
    const connection = this.#connections.get(socket);
    connection?.endWithNewest(() => {
      if (socket.writable) this.#options.onParserFailure({ socket, error, exchange: null });
    });
  }
}
