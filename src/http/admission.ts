// Decides which connections stay when there are too many. With a maximum alone, a single client
// could take every connection with one request each, and lock all other clients out. So a new
// connection of another client evicts a connection of the client that has the most: the least
// recently used. A client's own connections do not evict each other, nor do those of one proxy.

import type { Socket } from 'node:net';
import { heapShare } from '../lib/heap.ts';
import { siteKey } from './address.ts';
import { Shares } from './shares.ts';

// Measured on Node 20: an idle connection takes 6 KB, with a head that fills `maxHeaderSize` 30 KB.
const CONNECTION_BYTES = 32 * 1024;

/** Maximum number of connections that fit an eighth of the heap. */
export const CONNECTIONS_MAX = Math.max(1, Math.floor(heapShare(1 / 8) / CONNECTION_BYTES));

export class Admission {
  /** Maximum number of connections. */
  max = CONNECTIONS_MAX;
  /** By site; the oldest socket is the one whose last request is the longest ago. */
  readonly #sockets = new Shares<Socket>();
  #refused = 0;

  /** Number of connections closed because there were too many. */
  get refused(): number {
    return this.#refused;
  }

  /** Counts the socket until it closes. Above `max`, destroys a socket, perhaps this one. */
  admit(socket: Socket, address: string): void {
    const site = siteKey(address);
    this.#sockets.add(site, socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.#sockets.size <= this.max) return;
    const largest = this.#sockets.largest(site);
    const [displaced = socket] = largest === site ? [] : this.#sockets.itemsOf(largest);
    this.#sockets.delete(displaced);
    displaced.destroy();
    this.#refused++;
  }

  /** Called for each request on the socket. */
  use(socket: Socket): void {
    this.#sockets.renew(socket);
  }
}
