// Tokens with any header and any claims and a valid signature over them: stands in for an attacker who has the key, or for
// a server that signs carelessly.

import { createHmac } from 'node:crypto';
import { partsOf } from '../server/answers.ts';

export interface Forgery {
  /** What changes in the header; undefined removes it. */
  readonly header?: Readonly<Record<string, unknown>>;
  /** What changes in the claims; undefined removes it. */
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly secret: string;
  /** What the signature is made with; default SHA-256. */
  readonly digest?: string;
}

/** The token with changes, signed again. */
export function forge(token: string, { header = {}, claims = {}, secret, digest }: Forgery): string {
  const parts = partsOf(token);
  const texts = [
    { ...parts.header, ...header },
    { ...parts.payload, ...claims },
  ].map((part) => JSON.stringify(part));
  return seal(texts, secret, digest);
}

/** Header and payload as they are, text or bytes, with the signature that belongs to them. */
export function seal(parts: readonly (string | Uint8Array)[], secret: string, digest = 'sha256'): string {
  const signed = parts.map((part) => Buffer.from(part as Uint8Array).toString('base64url')).join('.');
  return `${signed}.${createHmac(digest, secret).update(signed).digest('base64url')}`;
}
