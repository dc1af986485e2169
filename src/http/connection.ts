// One connection and its requests: the one in progress, those that wait, and the point from which no more is read. A client may
// pipeline, which is to send requests without waiting for responses (RFC 9112 §9.3.2), and Node parses all requests of a packet in one
// go. So waiting requests have two bounds: their number on a connection, and their memory on all connections together.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { discardRest } from './discard.ts';

// A packet of 64 KiB holds two thousand requests.
export const PIPELINED_MAX = 64;
// Past it no connection may pipeline until some of the waiting requests have got their responses.
export const WAITING_BYTES_MAX = 16 * 1024 * 1024;
// Measured on Node 20: a request with its response, and each name or value in its head without its characters.
const REQUEST_BYTES = 1_536;
const HEADER_PART_BYTES = 36;
// Makes the parser take the rest of the packet for another protocol.
const STOP = 2;

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Estimated memory of the waiting requests of all connections. */
export interface Waiting {
  bytes: number;
  readonly bytesMax: number;
}

export class Connection {
  /** The newest exchange. */
  exchange: Exchange | null = null;
  readonly #socket: Socket;
  readonly #waiting: Waiting;
  readonly #onIdle: () => void;
  #pending = 0;
  #waitingBytes = 0;
  /** Bytes read when the last response was finished; more than that is the start of a request. */
  #bytesRead = 0;
  #isOver = false;

  constructor(socket: Socket, waiting: Waiting, onIdle: () => void) {
    this.#socket = socket;
    this.#waiting = waiting;
    this.#onIdle = onIdle;
    socket.once('end', () => this.closeWithNewest()).once('close', () => this.#leave(this.#waitingBytes));
  }

  /** How many requests still need their responses. */
  get pending(): number {
    return this.#pending;
  }

  get isIdle(): boolean {
    return this.#pending === 0 && this.#socket.bytesRead === this.#bytesRead;
  }

  /** Whether later requests are dropped. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether another request may neither be handled nor wait. */
  get isFull(): boolean {
    const { bytes, bytesMax } = this.#waiting;
    const isCrowded = this.#pending >= PIPELINED_MAX || bytes >= bytesMax;
    return this.#isOver || (this.#pending > 0 && isCrowded);
  }

  /** Makes this the newest exchange. @returns the exchange that it has to wait for. */
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
    if (this.isIdle) this.#onIdle();
  };

  /**
   * Calls `then` after the response before this one. RFC 9112 §9.3.2: only safe requests may be handled concurrently. Reading stops
   * meanwhile, or a client could pile up any number of requests.
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

  /** Takes the socket away from the parser, which would keep every further request and error in memory. */
  stopReading(): void {
    this.#isOver = true;
    stopParser(this.#socket);
    discardRest(this.#socket);
  }

  /** Makes the newest response announce `Connection: close` (RFC 9112 §9.6). */
  closeWithNewest(): void {
    if (this.exchange !== null) this.exchange.response.shouldKeepAlive = false;
  }

  /** Stops reading, and calls `then` after the newest response: responses must keep the order. */
  endWithNewest(then: () => void): void {
    const { exchange } = this;
    this.stopReading();
    if (exchange === null || exchange.response.closed) then();
    else exchange.response.once('close', then);
  }

  // A closed socket releases all of its bytes, and each of its responses would release its part once more.
  #leave(bytes: number): void {
    const left = Math.min(bytes, this.#waitingBytes);
    this.#waitingBytes -= left;
    this.#waiting.bytes -= left;
  }
}

/** Frees the head of a request that is not handled: Node keeps the request as long as the connection. */
export function empty(request: IncomingMessage): void {
  request.rawHeaders.length = 0;
  request.resume();
}

function estimateBytes({ rawHeaders, url = '' }: IncomingMessage): number {
  let bytes = REQUEST_BYTES + HEADER_PART_BYTES * rawHeaders.length + url.length;
  for (const part of rawHeaders) bytes += part.length;
  return bytes;
}

// There is no public way to stop parsing in the middle of a packet, whose rest would become a thousand requests: 130 MB for 40 sockets.
// If Node renames the property, they are made, and dropped one by one.
function stopParser(socket: Socket): void {
  const parser: unknown = Reflect.get(socket, 'parser');
  if (typeof parser === 'object' && parser !== null) Reflect.set(parser, 'onIncoming', stopHere);
}

function stopHere(request: IncomingMessage): number {
  // Otherwise Node detaches the socket for the other protocol.
  Reflect.set(request, 'upgrade', false);
  return STOP;
}
