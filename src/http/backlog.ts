// A bound on the memory of unread responses and of unfinished bodies. A client that requests large
// pages and never reads them makes the server hold every page until the connection times out. With
// many sockets, the memory is full long before then. The obvious bound, one per connection, does
// not limit the number of connections. So there is one bound on everything that is held. Above it,
// the client with the most bytes loses its oldest response or body. An honest slow client is
// spared, since it has only one of them.
//
// Left out: the part of a response that a client has already read, since Node keeps a string whole
// until its last byte is sent.

import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { heapShare } from '../lib/heap.ts';
import { siteKey } from './address.ts';
import { isDiscarded } from './discard.ts';
import type { Reply } from './reply.ts';
import { Shares } from './shares.ts';

export const BACKLOG_BYTES_MAX = heapShare(1 / 8, 64 * 1024 * 1024);

/** Memory held for a connection. */
export interface Holding {
  readonly socket: Socket;
  /** The client's address. */
  readonly address: string;
  readonly bytes: number;
  /** Its `close` event releases the memory. */
  readonly until: EventEmitter;
}

export interface BacklogOptions {
  readonly bytesMax: number;
  readonly onCut: (cut: Holding) => void;
}

export class Backlog {
  readonly #options: BacklogOptions;
  readonly #holdings = new Shares<Holding>();
  #cuts = 0;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#holdings.total;
  }

  /** Number of connections cut so far. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Counts the holding until it is released. May cut connections, including this one. */
  hold(holding: Holding): void {
    this.#holdings.add(siteKey(holding.address), holding, holding.bytes);
    holding.until.once('close', () => this.#holdings.delete(holding));
    // A single response may exceed the bound, since the settings allow such a page.
    while (this.bytes > this.#options.bytesMax && this.#holdings.size > 1) this.#cutOne();
  }

  #cutOne(): void {
    const holdings = this.#holdings.itemsOf(this.#holdings.largest());
    const oldest = holdings[0] as Holding;
    this.#cuts++;
    oldest.socket.destroy();
    // All holdings of the socket end with it, but their `close` events come later.
    for (const holding of holdings) if (holding.socket === oldest.socket) this.#holdings.delete(holding);
    this.#options.onCut(oldest);
  }
}

/**
 * Stops reading until the response is sent. Otherwise bytes from a client that does not read would
 * count as progress.
 */
export function pauseUntilTaken(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  // A client may have to finish its body before it reads. If requests are waiting, the socket is
  // already paused, and `connection.ts` resumes it.
  if (!request.complete || socket.isPaused() || isDiscarded(socket)) return;
  socket.pause();
  response.once('close', () => socket.resume());
}

/**
 * Returns the number of bytes held for the response just written; nearly always 0, since the kernel
 * took all of it.
 */
export function bytesHeld(request: IncomingMessage, response: ServerResponse, reply: Reply): number {
  const unsent = response.writableLength;
  if (unsent === 0) return 0;
  if (request.method === 'HEAD') return unsent;
  return Math.max(unsent, reply.length ?? Buffer.byteLength(reply.body ?? ''));
}
