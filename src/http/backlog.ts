// The memory of responses that clients do not read. A client that requests large pages and never reads one makes the server keep each
// of them until the connection stalls, and with many sockets it would fill the memory before that. So all unread responses together
// have a bound. Past it, the client with the most bytes loses its oldest response. An honest slow client has one response and is spared.
//
// It leaves out how much of a response the client has read: Node keeps a text whole until its last byte is sent.

import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { addressKey } from './address.ts';
import { isDiscarded } from './discard.ts';
import type { Reply } from './reply.ts';

export const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;

/** Memory that is held for a connection. */
export interface Holding {
  readonly socket: Socket;
  /** The client's address. */
  readonly address: string;
  readonly bytes: number;
  /** Its `close` event ends the holding. */
  readonly until: EventEmitter;
}

export interface BacklogOptions {
  readonly bytesMax: number;
  readonly onCut: (cut: Holding) => void;
}

export class Backlog {
  readonly #options: BacklogOptions;
  /** The client's key by holding, oldest first. */
  readonly #holdings = new Map<Holding, string>();
  #bytes = 0;
  #cuts = 0;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many connections were cut so far. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Counts the holding until it ends. May cut connections, this one included. */
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
    // All holdings of the socket end with it, but their `close` comes later.
    for (const holding of this.#holdings.keys()) if (holding.socket === oldest.socket) this.#release(holding);
    this.#options.onCut(oldest);
  }
}

/** Stops reading until the response is sent: bytes from a client that does not read would count as progress. */
export function pauseUntilTaken(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  // A client may have to finish its body before it reads. If requests wait, the socket is paused already, and resumed elsewhere.
  if (!request.complete || socket.isPaused() || isDiscarded(socket)) return;
  socket.pause();
  response.once('close', () => socket.resume());
}

/** Returns how many bytes of the response that was just written are held: 0 if the kernel took all of it, as it nearly always does. */
export function bytesHeld(request: IncomingMessage, response: ServerResponse, reply: Reply): number {
  const unsent = response.writableLength;
  if (unsent === 0) return 0;
  if (request.method === 'HEAD') return unsent;
  return Math.max(unsent, reply.length ?? Buffer.byteLength(reply.body ?? ''));
}
