// Turns the handler's row into a reply: headers, body, and the tag that identifies its content.
//
// Serializing and hashing cost more than the rest of a read. So if an endpoint declares a
// fingerprint, its reply is stored and sent again for as long as the row has that fingerprint.

import { contentHash } from '../http/conditional.ts';
import type { Reply } from '../http/reply.ts';
import type { TurnQueue } from '../http/turn-queue.ts';
import { BoundedMap } from '../lib/bounded-map.ts';
import { type Call, type Endpoint, isTagged, perEndpoint } from './endpoint.ts';
import type { Trace } from './trace.ts';

// Larger replies are not stored: sending them takes long anyway.
export const KEPT_LENGTH_MAX = 64 * 1024;
const KEPT_MAX = 1_000;
// In UTF-16 units. Serializing and hashing longer texts takes most of a millisecond, and ten
// milliseconds at worst.
const LONG_TEXT_LENGTH = 16 * 1024;

/** A reply and the tag that a conditional request compares. */
export interface TaggedReply {
  readonly reply: Reply;
  /** Without quotes; null if the endpoint has no tags. */
  readonly tag: string | null;
  /** The part of the tag that `If-Match` compares; null for the whole tag. */
  readonly stateTag: string | null;
  readonly version: number | undefined;
}

/** Runs the handler and marshals its row. */
export type RunHandler = (endpoint: Endpoint, call: Call, trace: Trace | null) => Promise<TaggedReply>;

/**
 * @param turns Spreads long replies over event-loop turns, so that a short request does not wait
 * for several of them.
 */
export function createRunHandler(turns: TurnQueue): RunHandler {
  const keptOf = perEndpoint(() => new BoundedMap<string, TaggedReply>(KEPT_MAX));
  return async (endpoint, call, trace) => {
    trace?.begin('handle');
    const row = await endpoint.handle(call);
    trace?.begin('marshal');
    if (endpoint.fingerprint === undefined) return marshal(endpoint, row, call, turns);
    const kept = keptOf(endpoint);
    const key = endpoint.fingerprint(row);
    const known = kept.get(key);
    if (known !== undefined) return known;
    const tagged = await marshal(endpoint, row, call, turns);
    if ((tagged.reply.length ?? 0) <= KEPT_LENGTH_MAX) kept.set(key, tagged);
    return tagged;
  };
}

async function marshal(endpoint: Endpoint, row: unknown, call: Call, turns: TurnQueue): Promise<TaggedReply> {
  const { status, response, contentType } = endpoint;
  const headers: string[] = [];
  if (endpoint.location !== undefined) headers.push('Location', endpoint.location(row, call));
  const next = endpoint.next?.(row, call) ?? null;
  if (next !== null) headers.push('Link', `<${next}>; rel="next"`);
  const user = endpoint.user?.(row);
  const untagged = { tag: null, stateTag: null, version: endpoint.version?.(row) };
  if (response === undefined) return { ...untagged, reply: { status, headers, body: null, user } };

  headers.push('Content-Type', contentType);
  const content = response.marshal(row);
  if (textLength(content) > LONG_TEXT_LENGTH) await turns.next();
  const body = typeof content === 'string' ? content : `${JSON.stringify(content)}\n`;
  const reply = { status, headers, body, length: Buffer.byteLength(body), user };
  if (!isTagged(endpoint)) return { ...untagged, reply };

  const stateTag = endpoint.state === undefined ? null : contentHash(endpoint.state(row));
  // The link is part of the response: it appears on the last page once another page follows.
  const hash = contentHash(next === null ? body : body + next);
  const tag = stateTag === null ? hash : `${stateTag}.${hash}`;
  headers.push('ETag', `"${tag}"`);
  return { ...untagged, reply, tag, stateTag };
}

// Returns the total length of all texts in the content.
function textLength(content: unknown): number {
  if (typeof content === 'string') return content.length;
  if (typeof content !== 'object' || content === null) return 0;
  return Object.values(content).reduce((length: number, value) => length + textLength(value), 0);
}
