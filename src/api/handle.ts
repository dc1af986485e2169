// The end of the journey: runs the handler, through the cache if the endpoint allows it, and
// returns the reply. Conditional requests (RFC 9110 §13) are evaluated here too, since their tags
// name the response that the handler would produce.

import type { IncomingHttpHeaders } from 'node:http';
import type { TtlCache } from '../cache/ttl-cache.ts';
import { contentHash, someTag } from '../http/conditional.ts';
import type { Reply } from '../http/reply.ts';
import { JotError } from '../lib/errors.ts';
import { validate } from '../schema/schema.ts';
import type { Call, Endpoint } from './endpoint.ts';
import type { Valid } from './journey.ts';
import { createRunHandler, groupOf, type MarshalOptions, type TaggedReply } from './marshal.ts';

export type ResponseCache = TtlCache<string, TaggedReply>;

export interface HandleOptions extends MarshalOptions {
  readonly cache: ResponseCache | null;
}

/** The part of a reply that a conditional write is compared with. */
type Current = Pick<TaggedReply, 'tag' | 'stateTag' | 'version'>;

/**
 * @param getterOf Returns the GET endpoint of a path; a conditional write is compared with its
 * tag.
 */
export function createHandle(options: HandleOptions, getterOf: (endpoint: Endpoint) => Endpoint | null) {
  const { cache } = options;
  const runHandler = createRunHandler(options);

  return (valid: Valid): Promise<Reply> => (valid.endpoint.method === 'GET' ? read(valid) : write(valid));

  async function read(valid: Valid): Promise<Reply> {
    const { endpoint, request, call, trace } = valid;
    if (cache === null || endpoint.cacheKey === undefined) {
      return conditionalReply(await runHandler(endpoint, call, trace), request.headers, []);
    }
    trace?.begin('cache');
    // The principal is part of the key whatever `cacheKey` returns, so no response reaches another
    // user. A percent-encoded path contains no space, so the parts of the key cannot run into each
    // other.
    const who = call.principal?.user.id ?? 'anyone';
    const key = `${who} ${valid.path} ${JSON.stringify(call.query)} ${await endpoint.cacheKey(call)}`;
    let outcome = 'HIT';
    trace?.because('hit');
    const compute = () => {
      outcome = 'MISS';
      trace?.because('miss');
      return runHandler(endpoint, call, trace);
    };
    const tagged = cache.get(key) ?? (await cache.getOrCompute(key, compute, groupOf(call)));
    return conditionalReply(tagged, request.headers, ['X-Cache', outcome]);
  }

  async function write({ endpoint, request, call, trace }: Valid): Promise<Reply> {
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
    // A POST creates a resource at another path, so a condition on this path does not apply to it.
    const isConditional = endpoint.method !== 'POST' && (ifMatch !== undefined || ifNoneMatch !== undefined);
    const getter = isConditional ? getterOf(endpoint) : null;
    if (getter === null) return (await runHandler(endpoint, call, trace)).reply;

    trace?.begin('condition');
    const current = await currentOf(getter, { ...call, query: validate(getter.query, {}, 'text') });
    requireMatch(current, ifMatch);
    if (ifNoneMatch !== undefined && someTag(ifNoneMatch, (opaque) => isOf(current, opaque))) throw stale();
    trace?.because(`version ${current.version}`);
    return (await runHandler(endpoint, { ...call, ifVersion: current.version }, trace)).reply;
  }

  // If the tag has a part for the state of the row, the row is enough: marshalling and hashing the
  // response would take ten milliseconds for a long page.
  async function currentOf(getter: Endpoint, call: Call): Promise<Current> {
    if (getter.state === undefined) return runHandler(getter, call, null);
    const row = await getter.handle(call);
    return { tag: null, stateTag: contentHash(getter.state(row)), version: getter.version?.(row) };
  }
}

// RFC 9110 §13.2.2: `If-Match` comes first. §13.1.2: `If-None-Match` compares weakly, since a
// reader only needs to know whether the content is equal.
function conditionalReply(
  tagged: TaggedReply,
  { 'if-match': ifMatch, 'if-none-match': ifNoneMatch }: IncomingHttpHeaders,
  headers: readonly string[],
): Reply {
  const { reply, tag } = tagged;
  if (tag !== null) {
    requireMatch(tagged, ifMatch);
    const isKnown = ifNoneMatch !== undefined && someTag(ifNoneMatch, (opaque) => opaque === tag);
    if (isKnown) return { status: 304, headers: ['ETag', `"${tag}"`, ...headers], body: null };
  }
  return headers.length === 0 ? reply : { ...reply, headers: reply.headers.concat(headers) };
}

// RFC 9110 §13.1.1: `If-Match` compares strongly, so a weak tag never matches.
function requireMatch(current: Current, ifMatch: string | undefined): void {
  if (ifMatch === undefined) return;
  if (someTag(ifMatch, (opaque, isWeak) => !isWeak && isOf(current, opaque))) return;
  throw someTag(ifMatch, (opaque) => isOf(current, opaque)) ? weakened() : stale();
}

/** Returns whether the tag matches the current reply in the part that a write compares. */
function isOf({ tag, stateTag }: Current, opaque: string): boolean {
  return stateTag === null ? opaque === tag : opaque.startsWith(`${stateTag}.`);
}

function stale(): JotError {
  return new JotError('precondition_failed', 'The resource does not match the condition; fetch it again');
}

function weakened(): JotError {
  return new JotError(
    'precondition_failed',
    'If-Match needs a strong tag; a proxy that compresses weakens it',
  );
}
