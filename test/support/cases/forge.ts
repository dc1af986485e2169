// Validly signed tokens with any header and any claims: stands in for an attacker who has the key,
// or for a server that signs carelessly.

import { createHmac } from 'node:crypto';
import { partsOf } from '../server/answers.ts';

export interface Forgery {
  /** Members that replace those of the header; undefined removes one. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** Members that replace claims; undefined removes one. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly secret: string;
  /** Digest of the HMAC; default SHA-256. */
  readonly digest?: string;
}

/** Returns the token with changes, signed again. */
export function forge(token: string, { header = {}, claims = {}, secret, digest }: Forgery): string {
  const parts = partsOf(token);
  const texts = [
    { ...parts.header, ...header },
    { ...parts.payload, ...claims },
  ].map((part) => JSON.stringify(part));
  return seal(texts, secret, digest);
}

/** Returns a token of this header and payload, text or bytes, with a valid signature. */
export function seal(parts: readonly (string | Uint8Array)[], secret: string, digest = 'sha256'): string {
  const signed = parts.map((part) => Buffer.from(part as Uint8Array).toString('base64url')).join('.');
  return `${signed}.${createHmac(digest, secret).update(signed).digest('base64url')}`;
}
