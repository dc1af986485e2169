// Tokens as an attacker makes them who knows the form, and as nobody but a holder of the key could: every part is free,
// and the signature is right for whatever the parts are.

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
