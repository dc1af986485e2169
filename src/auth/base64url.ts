// Base64url without padding (RFC 4648 §5, as RFC 7515 §2 requires), decoded strictly.
// `Buffer.from(text, 'base64url')` skips unknown characters, also accepts `+` and `/`, and ignores
// stray bits in the last character, so several texts decode to the same bytes. For a signed token
// that is a hole: two different texts would pass as the same token.

/** Returns the bytes; null if the text is not their canonical encoding. */
export function decodeBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}

/** Encodes bytes, or the UTF-8 of a string. */
export function encodeBase64url(data: string | Uint8Array): string {
  return Buffer.from(data as Uint8Array).toString('base64url');
}
