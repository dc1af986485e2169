// Conditional requests (RFC 9110 §13). A tag names the exact bytes of a response. With `If-None-Match` a client names the response it
// has already, and gets 304 instead; with `If-Match` it names the one its change is based on, so that it overwrites no other change
// unseen.

import { hash } from 'node:crypto';

const TAG_LENGTH = 22;

/** Returns 132 bits of the content's SHA-256 as a short text. */
export function contentHash(content: string): string {
  return hash('sha256', content, 'base64url').slice(0, TAG_LENGTH);
}

/**
 * Whether `matches` returns true for a tag in the header's list.
 *
 * @param header `"a", W/"b"` (RFC 9110 §8.8.3), or `*`, which matches every existing resource.
 * @param matches Called with a tag without its quotes, and whether it is weak.
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
