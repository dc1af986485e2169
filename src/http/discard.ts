// Drops what a client still sends on a connection that takes no more requests. Closing a socket with unread data makes the kernel
// send a reset, which can overtake the response before it (RFC 9112 §9.6). So for a moment the rest is read, but past the parser:
// dropping bytes costs nothing, and making requests of them first costs much.

import type { Socket } from 'node:net';

const DISCARDED_BYTES_MAX = 4 * 1024 * 1024;
const DISCARDED_MS_MAX = 1_000;

// More than a socket buffers for a later reader.
const FULL = Buffer.alloc(128 * 1024);

const discarded = new WeakSet<Socket>();

/** Whether `discardRest` was called for the socket. */
export function isDiscarded(socket: Socket): boolean {
  return discarded.has(socket);
}

/** Drops the rest of what the client sends. Calls `then` once too much or too long was read, unless the client has gone by then. */
export function discardRest(socket: Socket, then = () => undefined as unknown): void {
  discarded.add(socket);
  let bytes = 0;
  const stop = () => {
    clearTimeout(timer);
    socket.pause();
    // A socket that is only paused fills its buffer first, and with each byte of that the client would seem to be alive.
    if (!socket.readableEnded && socket.readableLength < FULL.length) socket.unshift(FULL);
    then();
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
