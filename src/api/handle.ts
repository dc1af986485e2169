// The end of the journey: the handler runs, through the cache where the endpoint allows it, and the row it gives becomes
// an answer with its tag. Conditional requests live here, since they are about what the answer would be.

import type { IncomingHttpHeaders } from 'node:http';
import type { TtlCache } from '../cache/ttl-cache.ts';
import { someTag } from '../http/conditional.ts';
import type { Reply } from '../http/reply.ts';
import type { TurnQueue } from '../http/turn-queue.ts';
import { JotError } from '../lib/errors.ts';
import { validate } from '../schema/schema.ts';
import type { Endpoint } from './endpoint.ts';
import type { Valid } from './journey.ts';
import { createMarshal, KEPT_LENGTH_MAX, type Marshalled } from './marshal.ts';

export type ResponseCache = TtlCache<string, Marshalled>;

export interface HandleOptions {
  readonly cache: ResponseCache | null;
  /** When long answers are put into words. */
  readonly responseTurns: TurnQueue;
}

/** @param getterOf The GET on the same path, if there is one: what a conditional write is conditional on. */
export function createHandle(
  { cache, responseTurns }: HandleOptions,
  getterOf: (endpoint: Endpoint) => Endpoint | null,
) {
  const represent = createMarshal(responseTurns);

  return (valid: Valid): Promise<Reply> => (valid.endpoint.method === 'GET' ? read(valid) : write(valid));

  async function read(valid: Valid): Promise<Reply> {
    const { endpoint, request, call, trace } = valid;
    if (cache === null || endpoint.cacheKey === undefined) {
      return conditionalReply(await represent(endpoint, call, trace), request.headers, []);
    }
    trace?.begin('cache');
    // The principal is part of the key whatever the endpoint's own part says: no answer may reach another user. A path as it came
    // has no space in it, so each part ends where it seems to.
    const who = call.principal?.user.id ?? 'anyone';
    const key = `${who} ${valid.path} ${JSON.stringify(call.query)} ${await endpoint.cacheKey(call)}`;
    let outcome = 'HIT';
    trace?.because('hit');
    const compute = () => {
      outcome = 'MISS';
      trace?.because('miss');
      return represent(endpoint, call, trace);
    };
    const representation = cache.get(key) ?? (await cache.getOrCompute(key, compute));
    if ((representation.reply.length ?? 0) > KEPT_LENGTH_MAX) cache.delete(key);
    return conditionalReply(representation, request.headers, ['X-Cache', outcome]);
  }

  async function write({ endpoint, request, call, trace }: Valid): Promise<Reply> {
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
    // What a POST makes is not what is at its path, so a condition on that would say nothing about it; it is left alone.
    const isConditional = endpoint.method !== 'POST' && (ifMatch !== undefined || ifNoneMatch !== undefined);
    const getter = isConditional ? getterOf(endpoint) : null;
    if (getter === null) return (await represent(endpoint, call, trace)).reply;

    trace?.begin('condition');
    const query = validate(getter.query, {}, 'text');
    const current = await represent(getter, { ...call, query }, null);
    requireMatch(current, ifMatch);
    if (ifNoneMatch !== undefined && someTag(ifNoneMatch, (opaque) => opaque === current.tag)) throw stale();
    trace?.because(`version ${current.version}`);
    return (await represent(endpoint, { ...call, ifVersion: current.version }, trace)).reply;
  }
}

// RFC 9110 §13.2.2: `If-Match` first. §13.1.2: `If-None-Match` compares weakly, since equal is all a reader wants to know.
function conditionalReply(
  representation: Marshalled,
  { 'if-match': ifMatch, 'if-none-match': ifNoneMatch }: IncomingHttpHeaders,
  headers: readonly string[],
): Reply {
  const { reply, tag } = representation;
  if (tag !== null) {
    requireMatch(representation, ifMatch);
    const isKnown = ifNoneMatch !== undefined && someTag(ifNoneMatch, (opaque) => opaque === tag);
    if (isKnown) return { status: 304, headers: ['ETag', `"${tag}"`, ...headers], body: null };
  }
  if (headers.length === 0) return reply;
  return { ...reply, headers: reply.headers.concat(headers) };
}

// RFC 9110 §13.1.1: `If-Match` compares strongly, a weak tag never matches.
function requireMatch({ tag, stateTag }: Marshalled, ifMatch: string | undefined): void {
  if (ifMatch === undefined) return;
  const isCurrent = (opaque: string) =>
    stateTag === null ? opaque === tag : opaque.startsWith(`${stateTag}.`);
  if (!someTag(ifMatch, (opaque, isWeak) => !isWeak && isCurrent(opaque))) throw stale();
}

function stale(): JotError {
  return new JotError('precondition_failed', 'The resource does not match the condition; fetch it again');
}
