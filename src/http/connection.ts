// One connection and its requests: the request in progress, those that wait, and the point after
// which no more is read. A client may pipeline, that is, send requests without waiting for the
// responses (RFC 9112 §9.3.2). Node parses all requests in a packet in one go and would handle them
// concurrently, so a single client could fill the memory. So waiting requests have two bounds:
// their number per connection, and their memory on all connections together.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { heapShare } from '../lib/heap.ts';
import { discardRest } from './discard.ts';

// A packet of 64 KiB can hold two thousand requests.
export const PIPELINED_MAX = 64;
// Above this, no connection may pipeline until some waiting requests have been responded to.
export const WAITING_BYTES_MAX = heapShare(1 / 32, 16 * 1024 * 1024);
// Measured on Node 20: a request with its response, and each name or value in its head, not
// counting characters.
const REQUEST_BYTES = 1_536;
const HEADER_PART_BYTES = 36;
// Makes the parser treat the rest of the packet as another protocol.
const STOP = 2;

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Estimated memory of the waiting requests on all connections, in bytes. */
export interface Waiting {
  bytes: number;
  readonly bytesMax: number;
}

export class Connection {
  /** The newest exchange; null while the connection is idle. */
  exchange: Exchange | null = null;
  readonly #socket: Socket;
  readonly #waiting: Waiting;
  readonly #onIdle: () => void;
  #pending = 0;
  #waitingBytes = 0;
  /**
   * Number of bytes read when the last response was finished. Any further byte belongs to a new
   * request.
   */
  #bytesRead = 0;
  #isOver = false;

  constructor(socket: Socket, waiting: Waiting, onIdle: () => void) {
    this.#socket = socket;
    this.#waiting = waiting;
    this.#onIdle = onIdle;
    socket.once('end', () => this.closeWithNewest()).once('close', () => this.#leave(this.#waitingBytes));
  }

  /** Number of requests without a finished response. */
  get pending(): number {
    return this.#pending;
  }

  get isIdle(): boolean {
    return this.#pending === 0 && this.#socket.bytesRead === this.#bytesRead;
  }

  /**
   * Whether the server waits for the rest of a request that has no response and is not dropped.
   * False while another response is in progress, since the client may not be reading that one.
   */
  get isReceiving(): boolean {
    if (this.#isOver || this.#pending > 1) return false;
    if (this.#pending === 0 || this.exchange === null) return !this.isIdle;
    return !this.exchange.request.complete && !this.exchange.response.headersSent;
  }

  /** Whether further requests are dropped. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether a further request can neither be handled nor wait. */
  get isFull(): boolean {
    const { bytes, bytesMax } = this.#waiting;
    const isCrowded = this.#pending >= PIPELINED_MAX || bytes >= bytesMax;
    return this.#isOver || (this.#pending > 0 && isCrowded);
  }

  /** Makes this the newest exchange. Returns the exchange that it must wait for. */
  begin(exchange: Exchange): Exchange | null {
    const before = this.#pending === 0 ? null : this.exchange;
    this.exchange = exchange;
    this.#pending++;
    return before;
  }

  /** Called when a response is finished. */
  readonly finish = (): void => {
    this.#pending--;
    this.#bytesRead = this.#socket.bytesRead;
    if (this.#pending === 0) this.#forget(this.exchange);
    if (this.isIdle) this.#onIdle();
  };

  /**
   * Calls `then` after the preceding response. Only safe requests may be handled concurrently (RFC
   * 9112 §9.3.2). Reading stops in the meantime, or a client could enqueue any number of requests.
   */
  wait({ request }: Exchange, before: Exchange, then: () => void): void {
    const bytes = estimateBytes(request);
    this.#waitingBytes += bytes;
    this.#waiting.bytes += bytes;
    this.#socket.pause();
    before.response.once('close', () => {
      this.#leave(bytes);
      if (this.#pending === 1 && !this.#isOver) this.#socket.resume();
      then();
    });
  }

  /** Detaches the parser, which would keep every further request and error in memory. */
  stopReading(): void {
    this.#isOver = true;
    stopParser(this.#socket);
    discardRest(this.#socket);
  }

  /** Makes the newest response announce `Connection: close` (RFC 9112 §9.6). */
  closeWithNewest(): void {
    if (this.exchange !== null) this.exchange.response.shouldKeepAlive = false;
  }

  /**
   * Stops reading, and calls `then` after the newest response, since responses must keep their
   * order.
   */
  endWithNewest(then: () => void): void {
    const { exchange } = this;
    this.stopReading();
    if (exchange === null || exchange.response.closed) then();
    else exchange.response.once('close', then);
  }

  // An idle connection must not keep the last request's head in memory. But bytes after a response
  // may still belong to that request's body.
  #forget(exchange: Exchange | null): void {
    if (exchange?.request.complete === false) exchange.request.once('end', () => this.#forget(exchange));
    else if (exchange === this.exchange) this.exchange = null;
  }

  // A closed socket releases all of its bytes at once, so a response must not release its part
  // again.
  #leave(bytes: number): void {
    const left = Math.min(bytes, this.#waitingBytes);
    this.#waitingBytes -= left;
    this.#waiting.bytes -= left;
  }
}

/**
 * Frees the head of a request that is not handled; Node keeps the request as long as the
 * connection.
 */
export function empty(request: IncomingMessage): void {
  request.rawHeaders.length = 0;
  request.resume();
}

function estimateBytes({ rawHeaders, url = '' }: IncomingMessage): number {
  let bytes = REQUEST_BYTES + HEADER_PART_BYTES * rawHeaders.length + url.length;
  for (const part of rawHeaders) bytes += part.length;
  return bytes;
}

// Node has no public way to stop parsing in the middle of a packet. Without this, the rest of the
// packet would become a thousand requests: 130 MB for 40 sockets. If Node renames the property,
// they are created and dropped one by one.
function stopParser(socket: Socket): void {
  const parser: unknown = Reflect.get(socket, 'parser');
  if (typeof parser === 'object' && parser !== null) Reflect.set(parser, 'onIncoming', stopHere);
}

function stopHere(request: IncomingMessage): number {
  // Without it, Node detaches the socket for the other protocol.
  Reflect.set(request, 'upgrade', false);
  return STOP;
}
