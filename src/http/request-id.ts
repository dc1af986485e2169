// The id of a request. A client and an operator use it to find the same line of the log.

import { randomUUID } from 'node:crypto';

/** Returns the client's own request id if it is harmless, else a new one. */
export function requestIdOf(given: string | string[] | undefined): string {
  const isHarmless = typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given);
  return isHarmless ? given : randomUUID();
}
