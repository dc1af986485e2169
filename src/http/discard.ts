// What still comes on a connection that takes no more requests. It is read and dropped for a while: closing a socket that has
// unread data makes the kernel send a reset, which can overtake the answers before it (RFC 9112 §9.6).

import type { Socket } from 'node:net';

// How much is dropped before nothing is read any more, and for how long.
const DISCARDED_BYTES_MAX = 4 * 1024 * 1024;
const DISCARDED_MS_MAX = 1_000;

// More than a socket keeps for who reads later.
const FULL = Buffer.alloc(128 * 1024);

const discarded = new WeakSet<Socket>();

/** Whether what comes on it is dropped, or is not read any more. */
export function isDiscarded(socket: Socket): boolean {
  return discarded.has(socket);
}

/** Takes the socket away from the parser: to drop bytes costs nothing, to make requests of them first costs much. */
export function discardRest(socket: Socket): void {
  discarded.add(socket);
  let bytes = 0;
  const stop = () => {
    clearTimeout(timer);
    socket.pause();
    // One that is only paused reads on until it holds enough, and with each byte of that the client would seem to be alive.
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
