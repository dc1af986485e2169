// What still comes on a connection that takes no more requests. It is read and dropped for a while: closing a socket that has
// unread data makes the kernel send a reset, which can overtake the answers before it (RFC 9112 §9.6).

import type { Socket } from 'node:net';

// How much is dropped before nothing is read any more, and for how long.
export const DISCARDED_BYTES_MAX = 4 * 1024 * 1024;
export const DISCARDED_MS_MAX = 1_000;

/** Takes the socket away from the parser: to drop bytes costs nothing, to make requests of them first costs much. */
export function discardRest(socket: Socket): void {
  let discarded = 0;
  const stop = () => {
    clearTimeout(timer);
    socket.pause();
  };
  const timer = setTimeout(stop, DISCARDED_MS_MAX);
  socket
    .removeAllListeners('data')
    .on('data', (chunk: Buffer) => {
      discarded += chunk.length;
      if (discarded > DISCARDED_BYTES_MAX) stop();
    })
    .once('close', () => clearTimeout(timer))
    .resume();
}
