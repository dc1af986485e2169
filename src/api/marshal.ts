// Turns the handler's row into a reply: headers, body, and the tag that identifies its content.
//
// Serializing and hashing cost more than the rest of a read. So if an endpoint declares a
// fingerprint, its reply is stored and sent again for as long as the row has that fingerprint.

import { addressKey } from '../http/address.ts';
import { contentHash } from '../http/conditional.ts';
import type { Reply } from '../http/reply.ts';
import type { TurnQueue } from '../http/turn-queue.ts';
import { BoundedMap, type Group } from '../lib/bounded-map.ts';
import { heapShare } from '../lib/heap.ts';
import { textBytes } from '../lib/text-bytes.ts';
import { type Call, type Endpoint, isTagged } from './endpoint.ts';
import type { Trace } from './trace.ts';

// One bound for the replies of all endpoints. Each user or address may fill a share of it.
export const REPLIES_MAX = 1_000;
const REPLIES_BYTES_MAX = heapShare(1 / 32, 16 * 1024 * 1024);
const CALLER_SHARE = 1 / 8;
// The objects of a reply, and its headers.
const REPLY_BYTES = 1_024;
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

/** Replies by a key that changes whenever the reply would. */
export type Replies = BoundedMap<string, TaggedReply>;

/** The bounds of replies that are stored, in bytes of the heap. */
export const repliesBounds = {
  bytesMax: REPLIES_BYTES_MAX,
  share: CALLER_SHARE,
  bytesOf: (key: string, { reply }: TaggedReply) =>
    REPLY_BYTES + textBytes(key) + textBytes(reply.body ?? ''),
};

export function createReplies(): Replies {
  return new BoundedMap(REPLIES_MAX, repliesBounds);
}

/** Runs the handler and marshals its row. */
export type RunHandler = (endpoint: Endpoint, call: Call, trace: Trace | null) => Promise<TaggedReply>;

export interface MarshalOptions {
  /** Replies by path and fingerprint; null to store none. */
  readonly kept: Replies | null;
  /**
   * Spreads long replies over event-loop turns, so that a short request waits for at most one of
   * them.
   */
  readonly responseTurns: TurnQueue;
  /** Prefix of every path in a header; '' for none. */
  readonly basePath: string;
}

export function createRunHandler(options: MarshalOptions): RunHandler {
  const { kept } = options;
  return async (endpoint, call, trace) => {
    trace?.begin('handle');
    const row = await endpoint.handle(call);
    trace?.begin('marshal');
    if (kept === null || endpoint.fingerprint === undefined) return marshal(endpoint, row, call, options);
    const key = `${endpoint.path} ${endpoint.fingerprint(row)}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const tagged = await marshal(endpoint, row, call, options);
    kept.set(key, tagged, groupOf(call));
    return tagged;
  };
}

/** Returns the group that a stored reply counts for: the user, or the address without a user. */
export function groupOf({ principal, client }: Call): Group {
  return principal?.user.id ?? addressKey(client.address);
}

async function marshal(
  endpoint: Endpoint,
  row: unknown,
  call: Call,
  { responseTurns: turns, basePath }: MarshalOptions,
): Promise<TaggedReply> {
  const { status, response, contentType } = endpoint;
  const headers: string[] = [];
  if (endpoint.location !== undefined) headers.push('Location', basePath + endpoint.location(row, call));
  const next = endpoint.next?.(row, call) ?? null;
  if (next !== null) headers.push('Link', `<${basePath}${next}>; rel="next"`);
  const user = endpoint.user?.(row);
  const untagged = { tag: null, stateTag: null, version: endpoint.version?.(row) };
  if (response === undefined) return { ...untagged, reply: { status, headers, body: null, user } };

  headers.push('Content-Type', contentType);
  const content = response.marshal(row);
  const contentLength = textLength(content);
  const isLong = contentLength > LONG_TEXT_LENGTH;
  if (isLong) await turns.next(contentLength);
  const body = textOf(content);
  const reply = { status, headers, body, length: Buffer.byteLength(body), user };
  // Hashing and sending take as long as serializing.
  if (isLong) await turns.again(contentLength);
  if (!isTagged(endpoint)) return { ...untagged, reply };

  const stateTag = endpoint.state === undefined ? null : contentHash(endpoint.state(row));
  const resource = endpoint.resource?.(row);
  const tagged = resource === undefined ? body : textOf(resource.marshal(row));
  // The link is part of the response: it appears on the last page once another page follows.
  const hash = contentHash(next === null ? tagged : tagged + next);
  const tag = stateTag === null ? hash : `${stateTag}.${hash}`;
  headers.push('ETag', `"${tag}"`);
  return { ...untagged, reply, tag, stateTag };
}

function textOf(content: unknown): string {
  return typeof content === 'string' ? content : `${JSON.stringify(content)}\n`;
}

// Returns the total length of all texts in the content.
function textLength(content: unknown): number {
  if (typeof content === 'string') return content.length;
  if (typeof content !== 'object' || content === null) return 0;
  return Object.values(content).reduce((length: number, value) => length + textLength(value), 0);
}
