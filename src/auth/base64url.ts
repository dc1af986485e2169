// Base64url without padding (RFC 4648 §5, as RFC 7515 §2 wants it), read strictly. `Buffer.from(text, 'base64url')`
// skips what it does not know, takes `+` and `/` too, and ignores stray bits in the last character, so several texts
// give the same bytes. For a signed token that is a hole: two different tokens would be "the same" one.

/** The bytes, or null unless the text is the one canonical encoding of them. */
export function decodeBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}

/** The text that stands for the bytes (of the UTF-8, if a string is given). */
export function encodeBase64url(data: string | Uint8Array): string {
  return Buffer.from(data as Uint8Array).toString('base64url');
}
