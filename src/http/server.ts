// The socket side: limits on how slowly and how much a client may send, what to say when Node's parser gives up, and
// ending well. Node does not enforce its own time-outs once a server is closing, and knows a socket that never sent a byte
// as busy; so this keeps its own account of the connections.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { JotError } from '../lib/errors.ts';
import { Connection, type Exchange, empty, type Waiting } from './connection.ts';
import { type ParserError, parserFailure } from './parser-error.ts';
import type { TurnQueue } from './turn-queue.ts';

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

const HEADER_BYTES_MAX = 16 * 1024;
// Longer than the usual proxy keeps an idle connection, so that it is never this side that closes it under a request.
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
// The kernel keeps up to 511 connections for Node (`net.Server`), which takes one of them in each turn of the event loop. New ones
// may go on to come.
const CLOSING_TURNS_MAX = 1_024;

/** A request whose body could not be read to the end has an exchange to answer on; one without a head has none. */
export interface ParserFailure {
  readonly socket: Socket;
  readonly error: JotError;
  readonly exchange: Exchange | null;
}

export interface HttpServerOptions {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  readonly onParserFailure: (failure: ParserFailure) => void;
  /** A connection could not be taken, for want of file descriptors for one; the next one may be. */
  readonly onAcceptFailure: (error: Error) => void;
  readonly connectionsMax: number;
  /** How much of what was sent ahead may wait for answers, on all connections together. */
  readonly waitingBytesMax: number;
  /** When requests that have come are worked on. */
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
      // A missing Host is answered by the journey, in the error shape.
      requireHostHeader: false,
    });
    // A client that has said it sends nothing more (`nc -N`) still wants its answer. Node's types don't know the property.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    // On closing it would cut whoever has not taken all of the answer, and whoever's request was not read yet.
    this.#server.closeIdleConnections = () => undefined;
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
   * Takes the connections that are made already and accepts no more, cuts those that are idle and have sent nothing by then, waits for
   * answers under way, and cuts what is left at the deadline.
   *
   * @returns how many connections it cut then.
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
    // What was taken after the deadline, in the turn that it fell into.
    if (isOver) cutAll();
    for (const [socket, { isIdle }] of this.#connections) if (isIdle) socket.destroy();
    await closed;
    clearTimeout(deadline);
    // Node's server is closed before its sockets are. What was under way on those hears of it then, and is to be logged before
    // whoever waits here ends the process.
    await Promise.all(cut);
    await turn();
    return cut.length;
  }

  // A client whose connection was made may have sent its request in good faith, though nobody here has heard of either: they lie in
  // the kernel, which resets the connection when the listening socket is closed. The first turn may end before anything is taken or
  // read, the second does not: once two in a row brought no connection there is none, and what came on the last one has been read.
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

  // RFC 9112 §9.3.2: a client that sends on without waiting has to reckon with this, and sends again what was not answered.
  #onExcess(request: IncomingMessage, connection: Connection): void {
    empty(request);
    if (connection.isOver) return;
    connection.closeWithNewest();
    // The head of that answer may be out already.
    connection.endWithNewest(() => request.socket.destroySoon());
  }

  // What came in one turn of the event loop is worked on together. Between two requests that are read one by one lie calls to the
  // kernel, and after each of them the code of the journey has left the processor's caches: that costs more than all of its work.
  #handle({ request, response }: Exchange): void {
    // RFC 9112 §9.6: what comes behind an answer that closes the connection must not even be worked on.
    if (request.socket.writable && !response.headersSent) this.#options.handle(request, response);
  }

  // A tunnel is nothing that this server has (RFC 9110 §9.3.6), and Node has given the socket away already: its time-out still
  // runs, but whoever listened to that is gone.
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
    // Another one changes nothing: that the connection ends is settled.
    if (connection.isOver) return;
    const { exchange } = connection;
    const isInItsBody = exchange !== null && !exchange.request.complete;
    // What comes behind a `Connection: close` is nothing to answer, but the request before it is.
    if (cause.code === 'HPE_CLOSED_CONNECTION') connection.endWithNewest(() => socket.destroySoon());
    else if (!socket.writable) socket.destroy();
    else if (!isInItsBody) this.#refuse(socket, error);
    else {
      connection.stopReading();
      if (exchange.response.headersSent) socket.destroySoon();
      else this.#options.onParserFailure({ socket, error, exchange });
    }
  }

  // What is refused may have come behind a request that is still being answered, whose answer may close the connection.
  #refuse(socket: Socket, error: JotError): void {
    const connection = this.#connections.get(socket);
    connection?.endWithNewest(() => {
      if (socket.writable) this.#options.onParserFailure({ socket, error, exchange: null });
    });
  }
}
