// The id of a request: what a client, a log line and an operator have in common when they talk about it.

import { randomBytes } from 'node:crypto';

const ID_LENGTH = 16;
// Of six bits each, so that a pool of whole ids is one of whole bytes.
const POOL_BYTES = 256 * 12;

// Asking for random bytes, and putting them into words, costs about the same for one id as for many.
let pool = '';
let used = 0;

/** The client's own request id if it is harmless, else a new one. */
export function requestIdOf(given: string | string[] | undefined): string {
  const isHarmless = typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given);
  return isHarmless ? given : newRequestId();
}

function newRequestId(): string {
  if (used === pool.length) {
    pool = randomBytes(POOL_BYTES).toString('base64url');
    used = 0;
  }
  used += ID_LENGTH;
  return pool.slice(used - ID_LENGTH, used);
}
