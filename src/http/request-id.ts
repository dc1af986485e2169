// The id of a request: what a client, a log line and an operator have in common when they talk about it.

import { randomFillSync } from 'node:crypto';

const ID_BYTES = 12;

// Asking for random bytes costs the same for one id as for many.
const pool = Buffer.alloc(ID_BYTES * 256);
let used = pool.length;

/** The client's own request id if it is harmless, else a new one. */
export function requestIdOf(given: string | string[] | undefined): string {
  const isHarmless = typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given);
  return isHarmless ? given : newRequestId();
}

function newRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return pool.toString('base64url', used - ID_BYTES, used);
}
