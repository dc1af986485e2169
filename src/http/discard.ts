// Discards the bytes that a client still sends on a connection that accepts no more requests. If a
// socket is closed with unread data, the kernel sends a reset, which can overtake the response
// before it (RFC 9112 §9.6). So the rest is read for a moment, but bypassing the parser: discarding
// bytes is cheap, and parsing them into requests first is not.

import type { Socket } from 'node:net';

export const DISCARDED_BYTES_MAX = 4 * 1024 * 1024;
export const DISCARDED_MS_MAX = 1_000;

// More than a socket buffers.
const FULL = Buffer.alloc(128 * 1024);

const discarded = new WeakSet<Socket>();

/** Returns whether `discardRest` was called for the socket. */
export function isDiscarded(socket: Socket): boolean {
  return discarded.has(socket);
}

/** Discards further bytes of the client, up to a maximum of bytes and of time. */
export function discardRest(socket: Socket): void {
  discarded.add(socket);
  let bytes = 0;
  const stop = () => {
    clearTimeout(timer);
    socket.pause();
    // A paused socket would first fill its buffer, and each of those bytes would make the client
    // seem alive.
    if (!socket.readableEnded && socket.readableLength < FULL.length) socket.unshift(FULL);
  };
  const timer = setTimeout(stop, DISCARDED_MS_MAX);
  socket
    .removeAllListeners('data')
    .on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > DISCARDED_BYTES_MAX) stop();
    })
    .once('close', () => clearTimeout(timer))
    .resume();
}
