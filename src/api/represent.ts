// The end of the journey: the handler runs, through the cache where the endpoint allows it, and the row it gives becomes
// an answer with its tag. Conditional requests live here, since they are about what the answer would be.

import type { TtlCache } from '../cache/ttl-cache.ts';
import { contentHash, someTag } from '../http/conditional.ts';
import type { Reply } from '../http/reply.ts';
import { JotError } from '../lib/errors.ts';
import { validate } from '../schema/schema.ts';
import { type Call, type Endpoint, isTagged } from './endpoint.ts';
import type { Trace } from './explain.ts';
import type { Valid } from './journey.ts';

// Larger answers are not worth the memory: they take their time on the wire anyway.
const CACHED_LENGTH_MAX = 64 * 1024;

/** What a resource looks like from outside: the content and what is said about it. */
export interface Representation {
  readonly body: string | null;
  /** Without quotes; null where there is nothing to tag. */
  readonly tag: string | null;
  /** The part of the tag that `If-Match` compares. */
  readonly stateTag: string | null;
  readonly version: number | undefined;
  readonly headers: readonly string[];
  readonly user: number | undefined;
}

/** A reply and, for the log, whom the call turned out to be by. */
export interface RepresentedReply extends Reply {
  readonly user?: number | undefined;
}

export type AnswerCache = TtlCache<string, Representation>;

/** @param getterOf The GET on the same path, if there is one: what a conditional write is conditional on. */
export function createRepresent(
  cache: AnswerCache | null,
  getterOf: (endpoint: Endpoint) => Endpoint | null,
) {
  return async (valid: Valid): Promise<RepresentedReply> => {
    const { endpoint, request, trace } = valid;
    const ifMatch = request.headers['if-match'];
    const ifNoneMatch = request.headers['if-none-match'];
    if (endpoint.method === 'GET') {
      const { representation, headers } = await readThrough(valid);
      return conditionalReply(endpoint, representation, headers, ifMatch, ifNoneMatch);
    }
    // What a POST makes is not what is at its path, so a condition on that would say nothing about it; it is left alone.
    const isConditional = endpoint.method !== 'POST' && (ifMatch !== undefined || ifNoneMatch !== undefined);
    const getter = isConditional ? getterOf(endpoint) : null;
    if (getter === null) return fullReply(endpoint, await represent(endpoint, valid.call, trace), []);

    trace?.begin('condition');
    const query = validate(getter.query, {}, 'text');
    const current = await represent(getter, { ...valid.call, query }, null);
    requireMatch(current, ifMatch);
    if (ifNoneMatch !== undefined && someTag(ifNoneMatch, (opaque) => opaque === current.tag)) throw stale();
    trace?.because(`version ${current.version}`);
    return fullReply(
      endpoint,
      await represent(endpoint, { ...valid.call, ifVersion: current.version }, trace),
      [],
    );
  };

  async function readThrough({ endpoint, call, trace }: Valid) {
    if (cache === null || endpoint.cacheKey === undefined) {
      return { representation: await represent(endpoint, call, trace), headers: [] };
    }
    trace?.begin('cache');
    // The principal is part of the key whatever the endpoint's own part says: no answer may reach another user.
    const who = call.principal?.user.id ?? 'anyone';
    const key = JSON.stringify([who, endpoint.path, call.params, call.query, await endpoint.cacheKey(call)]);
    let outcome = 'HIT';
    trace?.because('hit');
    const representation = await cache.getOrCompute(key, () => {
      outcome = 'MISS';
      trace?.because('miss');
      return represent(endpoint, call, trace);
    });
    if ((representation.body?.length ?? 0) > CACHED_LENGTH_MAX) cache.delete(key);
    return { representation, headers: ['X-Cache', outcome] };
  }
}

async function represent(endpoint: Endpoint, call: Call, trace: Trace | null): Promise<Representation> {
  trace?.begin('handle');
  const row = await endpoint.handle(call);
  trace?.begin('marshal');
  const { answer } = endpoint;
  const headers: string[] = [];
  if (endpoint.location !== undefined) headers.push('Location', endpoint.location(row));
  const next = endpoint.next?.(row, call) ?? null;
  if (next !== null) headers.push('Link', `<${next}>; rel="next"`);
  const user = endpoint.user?.(row);
  if (answer === undefined)
    return { body: null, tag: null, stateTag: null, version: undefined, headers, user };

  headers.push('Content-Type', answer.contentType);
  const content = answer.type.marshal(row);
  const body = typeof content === 'string' ? content : `${JSON.stringify(content)}\n`;
  const version = endpoint.version?.(row);
  if (!isTagged(endpoint)) return { body, tag: null, stateTag: null, version, headers, user };

  const stateTag = endpoint.state === undefined ? null : contentHash(endpoint.state(row));
  // The link belongs to the answer: a page that was the last one is another answer once there is one behind it.
  const hash = contentHash(next === null ? body : body + next);
  const tag = stateTag === null ? hash : `${stateTag}.${hash}`;
  return { body, tag, stateTag, version, headers, user };
}

// RFC 9110 §13.2.2: `If-Match` first. §13.1.2: `If-None-Match` compares weakly, since equal is all a reader wants to know.
function conditionalReply(
  endpoint: Endpoint,
  representation: Representation,
  headers: readonly string[],
  ifMatch: string | undefined,
  ifNoneMatch: string | undefined,
): Reply {
  const { tag } = representation;
  if (tag === null) return fullReply(endpoint, representation, headers);
  requireMatch(representation, ifMatch);
  const isKnown = ifNoneMatch !== undefined && someTag(ifNoneMatch, (opaque) => opaque === tag);
  if (!isKnown) return fullReply(endpoint, representation, headers);
  return { status: 304, headers: ['ETag', `"${tag}"`, ...headers], body: null };
}

// RFC 9110 §13.1.1: `If-Match` compares strongly, a weak tag never matches.
function requireMatch({ tag, stateTag }: Representation, ifMatch: string | undefined): void {
  if (ifMatch === undefined) return;
  const isCurrent = (opaque: string) =>
    stateTag === null ? opaque === tag : opaque.startsWith(`${stateTag}.`);
  if (!someTag(ifMatch, (opaque, isWeak) => !isWeak && isCurrent(opaque))) throw stale();
}

function stale(): JotError {
  return new JotError('precondition_failed', 'It is not what the condition says; fetch it again');
}

function fullReply(
  { status }: Endpoint,
  { body, tag, headers, user }: Representation,
  more: readonly string[],
): RepresentedReply {
  const tagHeader = tag === null ? [] : ['ETag', `"${tag}"`];
  return { status, headers: [...headers, ...tagHeader, ...more], body, user };
}
