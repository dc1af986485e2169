// One connection: which of its requests is answered, which wait for that, and when no more of them is taken. A client may send
// requests without waiting for answers (RFC 9112 §9.3.2), and everything that came in one packet is parsed at once, so what waits
// has two bounds: so many on a connection, and so many bytes on all of them together.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { discardRest } from './discard.ts';

// How many requests of one connection wait for their answers: 64 KiB, which come in one packet, hold two thousand.
export const PIPELINED_MAX = 64;
// What waits on all connections together. Past it none may send ahead, until some of it was answered.
export const WAITING_BYTES_MAX = 16 * 1024 * 1024;
// Measured on Node 20: a request with its response, and each name or value in its head, without its characters.
const REQUEST_BYTES = 1_536;
const HEADER_PART_BYTES = 36;
// What tells the parser that the rest of the packet is no HTTP.
const STOP = 2;

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What waits on all connections together, as an estimate. */
export interface Waiting {
  bytes: number;
  readonly bytesMax: number;
}

export class Connection {
  /** The newest one. */
  exchange: Exchange | null = null;
  readonly #socket: Socket;
  readonly #waiting: Waiting;
  readonly #onIdle: () => void;
  #pending = 0;
  #waitingBytes = 0;
  /** How much had come in when the last answer was finished: more than that is the start of a request. */
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

  /** Nothing that comes from now on is worked on. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether another request may neither be handled nor wait. */
  get isFull(): boolean {
    const { bytes, bytesMax } = this.#waiting;
    const isCrowded = this.#pending >= PIPELINED_MAX || bytes >= bytesMax;
    return this.#isOver || (this.#pending > 0 && isCrowded);
  }

  /** The newest one is this from now on. @returns the one whose answer it has to wait for. */
  begin(exchange: Exchange): Exchange | null {
    const before = this.#pending === 0 ? null : this.exchange;
    this.exchange = exchange;
    this.#pending++;
    return before;
  }

  /** One has its answer. */
  readonly finish = (): void => {
    this.#pending--;
    this.#bytesRead = this.#socket.bytesRead;
    if (this.isIdle) this.#onIdle();
  };

  /**
   * RFC 9112 §9.3.2: only safe requests may be worked on side by side, so each waits for the answer before it. Those that came in
   * one packet are here already; reading stops until they are answered, or a client could pile up any number.
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

  /** Takes the socket away from the parser: each error that it goes on to make, and each request, would be kept. */
  stopReading(): void {
    this.#isOver = true;
    stopParser(this.#socket);
    discardRest(this.#socket);
  }

  /** RFC 9112 §9.6: the last answer says so. */
  closeWithNewest(): void {
    if (this.exchange !== null) this.exchange.response.shouldKeepAlive = false;
  }

  /** Reads no more, and does that behind the newest answer: answers must keep the order. */
  endWithNewest(then: () => void): void {
    const { exchange } = this;
    this.stopReading();
    if (exchange === null || exchange.response.closed) then();
    else exchange.response.once('close', then);
  }

  // With the socket everything is gone that waited, and with it, later, the answer that was waited for.
  #leave(bytes: number): void {
    const left = Math.min(bytes, this.#waitingBytes);
    this.#waitingBytes -= left;
    this.#waiting.bytes -= left;
  }
}

/** What a request takes that is not going to be worked on: Node keeps it as long as the connection, but not its head. */
export function empty(request: IncomingMessage): void {
  request.rawHeaders.length = 0;
  request.resume();
}

function estimateBytes({ rawHeaders, url = '' }: IncomingMessage): number {
  let bytes = REQUEST_BYTES + HEADER_PART_BYTES * rawHeaders.length + url.length;
  for (const part of rawHeaders) bytes += part.length;
  return bytes;
}

// There is no public way to end the reading of a packet half-way, and without one its rest becomes a thousand requests first.
// Should Node rename the property, they are made, and dropped one by one.
function stopParser(socket: Socket): void {
  const parser: unknown = Reflect.get(socket, 'parser');
  if (typeof parser === 'object' && parser !== null) Reflect.set(parser, 'onIncoming', stopHere);
}

function stopHere(request: IncomingMessage): number {
  // Else Node gives the socket away, to nobody.
  Reflect.set(request, 'upgrade', false);
  return STOP;
}
