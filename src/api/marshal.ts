// From a row to an answer: what is said about it in headers, the words themselves, and the tag that names them.

import { contentHash } from '../http/conditional.ts';
import type { Reply } from '../http/reply.ts';
import type { TurnQueue } from '../http/turn-queue.ts';
import { BoundedMap } from '../lib/bounded-map.ts';
import { type Call, type Endpoint, isTagged, perEndpoint } from './endpoint.ts';
import type { Trace } from './trace.ts';

// Larger answers are not worth the memory: they take their time on the wire anyway.
export const KEPT_LENGTH_MAX = 64 * 1024;
// Of one endpoint.
const KEPT_MAX = 1_000;
// In UTF-16 units: to put more into words, and to hash them, takes a good part of a millisecond, and ten at worst.
const LONG_TEXT_LENGTH = 16 * 1024;

/** What a resource looks like from outside. */
export interface Marshalled {
  /** The answer to whoever has none yet. */
  readonly reply: Reply;
  /** Without quotes; null where there is nothing to tag. */
  readonly tag: string | null;
  /** The part of the tag that `If-Match` compares. */
  readonly stateTag: string | null;
  readonly version: number | undefined;
}

/** Runs the handler and represents the row that it gives. */
export type Represent = (endpoint: Endpoint, call: Call, trace: Trace | null) => Promise<Marshalled>;

/**
 * Responses with a fingerprint are kept, so that the same row is not put into words, and hashed, again and again.
 *
 * @param turns When long answers are put into words: apart from all else, so that a short request does not wait behind them.
 */
export function createMarshal(turns: TurnQueue): Represent {
  const keptOf = perEndpoint(() => new BoundedMap<string, Marshalled>(KEPT_MAX));
  return async (endpoint, call, trace) => {
    trace?.begin('handle');
    const row = await endpoint.handle(call);
    trace?.begin('marshal');
    if (endpoint.fingerprint === undefined) return represent(endpoint, row, call, turns);
    const kept = keptOf(endpoint);
    const key = endpoint.fingerprint(row);
    const known = kept.get(key);
    if (known !== undefined) return known;
    const representation = await represent(endpoint, row, call, turns);
    if ((representation.reply.length ?? 0) <= KEPT_LENGTH_MAX) kept.set(key, representation);
    return representation;
  };
}

async function represent(
  endpoint: Endpoint,
  row: unknown,
  call: Call,
  turns: TurnQueue,
): Promise<Marshalled> {
  const { status, response } = endpoint;
  const headers: string[] = [];
  if (endpoint.location !== undefined) headers.push('Location', endpoint.location(row));
  const next = endpoint.next?.(row, call) ?? null;
  if (next !== null) headers.push('Link', `<${next}>; rel="next"`);
  const user = endpoint.user?.(row);
  const version = endpoint.version?.(row);
  const untagged = (reply: Reply) => ({ reply, tag: null, stateTag: null, version });
  if (response === undefined) return untagged({ status, headers, body: null, user });

  headers.push('Content-Type', response.contentType);
  const content = response.type.marshal(row);
  // Many of them may be due at once.
  if (textLength(content) > LONG_TEXT_LENGTH) await turns.next();
  const body = typeof content === 'string' ? content : `${JSON.stringify(content)}\n`;
  const reply = { status, headers, body, length: Buffer.byteLength(body), user };
  if (!isTagged(endpoint)) return untagged(reply);

  const stateTag = endpoint.state === undefined ? null : contentHash(endpoint.state(row));
  // The link belongs to the answer: a page that was the last one is another answer once there is one behind it.
  const hash = contentHash(next === null ? body : body + next);
  const tag = stateTag === null ? hash : `${stateTag}.${hash}`;
  headers.push('ETag', `"${tag}"`);
  return { reply, tag, stateTag, version };
}

// Of all texts in it together.
function textLength(content: unknown): number {
  if (typeof content === 'string') return content.length;
  if (typeof content !== 'object' || content === null) return 0;
  let length = 0;
  for (const value of Object.values(content)) length += textLength(value);
  return length;
}
