// Conditional requests (RFC 9110 §13). A tag identifies the exact bytes of a response. With
// `If-None-Match`, a client names the response that it has, and gets 304 if nothing changed. With
// `If-Match`, it names the response that its change is based on, so it does not overwrite a change
// that it has not seen.

import { hash } from 'node:crypto';

const TAG_LENGTH = 22;

/** Returns 132 bits of the content's SHA-256 as a short text. */
export function contentHash(content: string): string {
  return hash('sha256', content, 'base64url').slice(0, TAG_LENGTH);
}

/**
 * Returns whether `matches` returns true for any tag in the header.
 *
 * @param header `"a", W/"b"` (RFC 9110 §8.8.3), or `*`, which matches every existing resource.
 * @param matches Called with the tag without its quotes, and whether it is weak.
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
