// The server's own signing keys. The first one signs, all of them verify: that is how a key is replaced without
// logging everybody out. Put a new one in front, wait until the last token of the old one has ended, remove the old one.
//
// Every key has an id, the token's "kid" (RFC 7515 §4.1.4), so that a token names the key to try. The keys come from a
// setting or from a file that is made on the first start.

import { createHmac, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { JotError } from '../lib/errors.ts';
import { decodeBase64url } from './base64url.ts';

const SECRET_BYTES = 32;
const KID_LENGTH = 8;

export interface SigningKey {
  readonly kid: string;
  readonly secret: string | Uint8Array;
}

interface StoredKey {
  readonly kid: string;
  /** Base64url. */
  readonly secret: string;
  /** ISO 8601. */
  readonly created: string;
}

/** Keys from secrets in a setting. The id is derived, so that it stays the same from start to start. */
export function keysFromSecrets(secrets: readonly string[]): SigningKey[] {
  return secrets.map((secret) => {
    const kid = createHmac('sha256', secret).update('jot key id').digest('base64url').slice(0, KID_LENGTH);
    return { kid, secret };
  });
}

/** One fresh random key. */
export function randomKey(): SigningKey {
  return { kid: randomBytes(6).toString('base64url'), secret: randomBytes(SECRET_BYTES) };
}

/**
 * Reads the key file; makes one, with one key and mode 0600, where there is none. Its folder must exist.
 *
 * @throws JotError `unavailable` when the file is there but can't be used: a new key in its place would end every token.
 */
export function openKeyFile(path: string, now: () => number): SigningKey[] {
  const text = readIfThere(path);
  if (text === null) {
    const key = randomKey();
    writeKeyFile(path, [storedKey(key, now)]);
    return [key];
  }
  return parseKeyFile(path, text).map(({ kid, secret }) => ({
    kid,
    secret: Buffer.from(secret, 'base64url'),
  }));
}

/**
 * Puts a fresh key in front of the file's keys.
 *
 * @returns the new key's id.
 * @throws JotError `unavailable` when there is no usable file.
 */
export function rotateKeyFile(path: string, now: () => number): string {
  const text = readIfThere(path);
  if (text === null) throw unusable(path, 'there is none yet; the first start of the server makes it');
  const key = randomKey();
  writeKeyFile(path, [storedKey(key, now), ...parseKeyFile(path, text)]);
  return key.kid;
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unusable(path, (error as Error).message);
  }
}

function parseKeyFile(path: string, text: string): StoredKey[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and the text is secret.
    throw unusable(path, 'it is not JSON');
  }
  const keys = (content as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length === 0) throw unusable(path, 'it holds no list of "keys"');
  keys.forEach((key, index) => {
    if (!isStoredKey(key))
      throw unusable(path, `key ${index + 1} needs a "kid" and a "secret" of 32 bytes or more in base64url`);
  });
  return keys;
}

function isStoredKey(key: unknown): key is StoredKey {
  const { kid, secret } = (key ?? {}) as { kid?: unknown; secret?: unknown };
  if (typeof kid !== 'string' || kid === '' || typeof secret !== 'string') return false;
  return (decodeBase64url(secret)?.length ?? 0) >= SECRET_BYTES;
}

function storedKey({ kid, secret }: SigningKey, now: () => number): StoredKey {
  return { kid, secret: Buffer.from(secret).toString('base64url'), created: new Date(now()).toISOString() };
}

// Beside it first, then renamed: a crash leaves the old file or the new one, never half of one.
function writeKeyFile(path: string, keys: StoredKey[]): void {
  const beside = `${path}.${process.pid}.new`;
  try {
    writeFileSync(beside, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600, flush: true });
    renameSync(beside, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(beside, { force: true });
    throw unusable(path, (error as Error).message);
  }
}

// The file's new name is durable only when its folder is.
function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function unusable(path: string, reason: string): JotError {
  return new JotError('unavailable', `Can't use the key file ${path}: ${reason}`);
}
