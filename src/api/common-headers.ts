// What an answer says whatever it is about: who may keep it, what it is called in the log, and, for whoever asked, why.

import type { HeaderList } from '../http/reply.ts';
import type { Endpoint } from './endpoint.ts';
import type { Trace } from './trace.ts';

/** What every answer has. */
export function plainHeaders(requestId: string, endpoint: Endpoint | undefined): HeaderList {
  const cache = cacheControl(endpoint);
  return ['Cache-Control', cache, 'X-Content-Type-Options', 'nosniff', 'X-Request-Id', requestId];
}

export function timing(trace: Trace | null): HeaderList {
  return trace === null ? [] : ['Server-Timing', trace.toHeader()];
}

// A shared cache keeps nothing that took a token to get, and nobody keeps a token. Lists that anybody may read are
// checked for changes before they are used again, so that a write is seen at once.
function cacheControl(endpoint: Endpoint | undefined): string {
  if (endpoint?.secret) return 'no-store';
  const isPrivate = endpoint !== undefined && endpoint.access.kind !== 'anyone';
  return isPrivate ? 'private, no-cache' : 'no-cache';
}
