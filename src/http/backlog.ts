// What is held in memory for clients that do not take their answers. Who asks for large pages and never reads one makes the
// server keep them, each until nothing has moved for a while; many sockets of such a client would fill the memory by then. So
// all of it together has a bound, and when that is passed the client that holds the most loses what it has held the longest.
// An honest reader who is slow holds one answer, and is not the one.
//
// What it leaves out: how much of an answer the client has already. Node keeps a text whole until its last byte is gone.

import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { addressKey } from './address.ts';
import { isDiscarded } from './discard.ts';
import type { Reply } from './reply.ts';

export const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;

/** Something in memory that goes with the connection it is held for, or before. */
export interface Holding {
  readonly socket: Socket;
  /** The client's. */
  readonly address: string;
  readonly bytes: number;
  /** It is gone with its `close`. */
  readonly until: EventEmitter;
}

export interface BacklogOptions {
  readonly bytesMax: number;
  readonly onCut: (cut: Holding) => void;
}

export class Backlog {
  readonly #options: BacklogOptions;
  /** Each with the key of its client, in the order in which they came. */
  readonly #holdings = new Map<Holding, string>();
  #bytes = 0;
  #cuts = 0;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many connections were cut. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Counts it as long as it is held. May cut connections, this one too. */
  hold(holding: Holding): void {
    this.#holdings.set(holding, addressKey(holding.address));
    this.#bytes += holding.bytes;
    holding.until.once('close', () => this.#release(holding));
    // A response that is alone may exceed the bound: the settings allow such a page.
    while (this.#bytes > this.#options.bytesMax && this.#holdings.size > 1) this.#cutOne();
  }

  #release(holding: Holding): void {
    if (this.#holdings.delete(holding)) this.#bytes -= holding.bytes;
  }

  #cutOne(): void {
    const totals = new Map<string, number>();
    for (const [{ bytes }, client] of this.#holdings) totals.set(client, (totals.get(client) ?? 0) + bytes);
    const most = Math.max(...totals.values());
    const oldest = [...this.#holdings].find(([, client]) => totals.get(client) === most)?.[0];
    if (oldest === undefined) return;
    this.#cuts++;
    oldest.socket.destroy();
    // All that is held for the same socket goes with it, but its `close` comes later.
    for (const holding of this.#holdings.keys()) if (holding.socket === oldest.socket) this.#release(holding);
    this.#options.onCut(oldest);
  }
}

/** Nothing more is read from who does not take the answer: with each byte that client would seem to be alive, and is none. */
export function pauseUntilTaken(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  // Who sends a body may have to get rid of it first. Where requests wait it is paused already, and not to be resumed here.
  if (!request.complete || socket.isPaused() || isDiscarded(socket)) return;
  socket.pause();
  response.once('close', () => socket.resume());
}

/** How many bytes of the answer that was just sent are held: none where the kernel took it at once, as it nearly always does. */
export function bytesHeld(request: IncomingMessage, response: ServerResponse, reply: Reply): number {
  const unsent = response.writableLength;
  if (unsent === 0) return 0;
  if (request.method === 'HEAD') return unsent;
  return Math.max(unsent, reply.length ?? Buffer.byteLength(reply.body ?? ''));
}
