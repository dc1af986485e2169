// The signing keys of the server. With a single key, replacing it would end every session. So there
// is a list: the first key signs, and all of them verify. To replace a key, put a new one in front,
// wait until the last token of the old key has expired, and remove the old key. A key has an id,
// the "kid" of its tokens (RFC 7515 §4.1.4), so that a token names the key to verify it with.

import { createHmac, randomBytes } from 'node:crypto';
import { listOf, type Setting } from '../lib/setting.ts';
import { KEYS_MAX } from './jwt.ts';

export const SECRET_BYTES = 32;
/** Minimum length of a secret in production. RFC 7518 §3.2: as long as the hash. */
export const SECRET_BYTES_MIN = 32;
const KID_BYTES = 4;
const KID_LENGTH = 8;

export interface SigningKey {
  readonly kid: string;
  readonly secret: string | Uint8Array;
}

/**
 * Returns a key for each secret. Its id is derived from the secret, so it is the same after every
 * start.
 */
export function keysFromSecrets(secrets: readonly string[]): SigningKey[] {
  return secrets.map((secret) => {
    const kid = createHmac('sha256', secret).update('jot key id').digest('base64url').slice(0, KID_LENGTH);
    return { kid, secret };
  });
}

/**
 * Returns a new random key. Its id is hexadecimal, since an id that begins with a dash would look
 * like an option to `jot keys retire`.
 */
export function randomKey(): SigningKey {
  return { kid: randomBytes(KID_BYTES).toString('hex'), secret: randomBytes(SECRET_BYTES) };
}

/** Returns the kind of the setting. */
export function secretList(isProduction: boolean): Setting<readonly string[]> {
  return {
    read(text) {
      const secrets = listOf(text, (entry) => !(isProduction && isShort(entry)));
      return secrets !== undefined && secrets.length <= KEYS_MAX ? secrets : undefined;
    },
    expected: isProduction
      ? `up to ${KEYS_MAX} secrets of ${SECRET_BYTES_MIN} bytes or more, separated by commas`
      : `up to ${KEYS_MAX} secrets, separated by commas`,
    isSecret: true,
  };
}

/** Whether a secret is shorter than production allows. */
export function isShort(secret: string): boolean {
  return Buffer.byteLength(secret) < SECRET_BYTES_MIN;
}
