// The server's own signing keys. The first key signs, and all of them verify, so a key is replaced without ending anyone's session:
// put a new key in front, wait until the last token of the old key has expired, remove the old key. Every key has an id, the token's
// "kid" (RFC 7515 §4.1.4), so that a token names the key to try.

import { createHmac, randomBytes } from 'node:crypto';

export const SECRET_BYTES = 32;
const KID_BYTES = 4;
const KID_LENGTH = 8;

export interface SigningKey {
  readonly kid: string;
  readonly secret: string | Uint8Array;
}

/** Returns a key for each secret. The ids are derived, so that they are the same after every start. */
export function keysFromSecrets(secrets: readonly string[]): SigningKey[] {
  return secrets.map((secret) => {
    const kid = createHmac('sha256', secret).update('jot key id').digest('base64url').slice(0, KID_LENGTH);
    return { kid, secret };
  });
}

/** Returns a new random key. Its id is in hex, since `jot keys retire` would take one that begins with a dash for an option. */
export function randomKey(): SigningKey {
  return { kid: randomBytes(KID_BYTES).toString('hex'), secret: randomBytes(SECRET_BYTES) };
}
