// Conditional requests (RFC 9110 §13). A tag names the exact bytes of an answer. With `If-None-Match` a client says
// which it has already, and gets 304 instead; with `If-Match` it says which one its change is based on, so that nobody's
// change is overwritten unseen.

import { hash } from 'node:crypto';

const TAG_LENGTH = 22;

/** A short text that is another one for any other content (132 bits of its SHA-256). */
export function contentHash(content: string): string {
  return hash('sha256', content, 'base64url').slice(0, TAG_LENGTH);
}

/**
 * Whether a header's list of tags holds one that the test takes.
 *
 * @param header `*`, or `"a", W/"b"` (RFC 9110 §8.8.3); `*` stands for anything that exists.
 * @param matches Takes a tag without its quotes, and whether it is weak.
 */
export function someTag(header: string, matches: (opaque: string, isWeak: boolean) => boolean): boolean {
  if (header.trim() === '*') return true;
  for (const [, weak, opaque = ''] of header.matchAll(
    /(?:^|,)\s*(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?=,|$)/g,
  )) {
    if (matches(opaque, weak !== undefined)) return true;
  }
  return false;
}
