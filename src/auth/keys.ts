// The server's own signing keys. The first one signs, all of them verify: that is how a key is replaced without
// logging everybody out. Put a new one in front, wait until the last token of the old one has ended, remove the old one.
//
// Every key has an id, the token's "kid" (RFC 7515 §4.1.4), so that a token names the key to try. The keys come from a
// setting or from a file that is made on the first start.

import { createHmac, randomBytes } from 'node:crypto';
import {
  closeSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { JotError } from '../lib/errors.ts';
import { deniedNote, heirOf, ignoreUngivable } from '../lib/file-access.ts';
import { decodeBase64url } from './base64url.ts';

const SECRET_BYTES = 32;
const KID_LENGTH = 8;
const KEYS_MAX = 100;

export interface SigningKey {
  readonly kid: string;
  readonly secret: string | Uint8Array;
}

interface StoredKey {
  readonly kid: string;
  /** Base64url. */
  readonly secret: string;
  /** ISO 8601. */
  readonly created?: string;
  /** When another key was put in front of it; absent in the first one. */
  readonly replaced?: string;
}

/** What may be shown of a key. Times are milliseconds since the epoch, null where the file does not tell. */
export interface KeyRecord {
  readonly kid: string;
  readonly created: number | null;
  /** Since when it does not sign any more. */
  readonly replaced: number | null;
}

/**
 * The keys that sign and verify: the secrets if there are some, else those of the file. Without a path nothing is kept, and no key
 * needs to be: tokens for a store in memory end with it.
 *
 * @throws JotError `unavailable` as for `openKeyFile`.
 */
export function openKeys(secrets: readonly string[], path: string | null, now: () => number): SigningKey[] {
  if (secrets.length > 0) return keysFromSecrets(secrets);
  return path === null ? [randomKey()] : openKeyFile(path, now);
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
  return parseKeyFile(path, text).map(signingKey);
}

/**
 * Reads a key file that must be there: that it has gone is no reason for a running server to make another one.
 *
 * @throws JotError `unavailable` when there is no usable file.
 */
export function readKeyFile(path: string): SigningKey[] {
  return readStored(path).map(signingKey);
}

/** What is in the key file, but for the secrets. @throws JotError `unavailable` when there is no usable file. */
export function listKeyFile(path: string): KeyRecord[] {
  return readStored(path).map(({ kid, created, replaced }, index, keys) => ({
    kid,
    created: timeOf(created),
    // Files of earlier versions do not tell, but the key that replaced this one was made at that moment.
    replaced: index === 0 ? null : timeOf(replaced ?? keys[index - 1]?.created),
  }));
}

/**
 * Puts a fresh key in front of the file's keys. Whoever else may change the file has to be kept off meanwhile.
 *
 * @returns the new key's id.
 * @throws JotError `unavailable` when there is no usable file, or it is full.
 */
export function rotateKeyFile(path: string, now: () => number): string {
  const [first, ...others] = readStored(path);
  if (others.length + 1 >= KEYS_MAX) throw unusable(path, `it holds ${KEYS_MAX} keys; retire some first`);
  const key = storedKey(randomKey(), now);
  const replaced = first === undefined ? [] : [{ ...first, replaced: new Date(now()).toISOString() }];
  writeKeyFile(path, [key, ...replaced, ...others]);
  return key.kid;
}

/**
 * Takes a key out of the file. The same holds as for `rotateKeyFile`.
 *
 * @throws JotError `unavailable` when there is no usable file, `not_found` when that key is not in it, `conflict` when it signs.
 */
export function retireKey(path: string, kid: string): void {
  const keys = readStored(path);
  const left = keys.filter((key) => key.kid !== kid);
  if (left.length === keys.length) throw new JotError('not_found', `There is no key ${JSON.stringify(kid)}`);
  if (left.length === 0) throw new JotError('conflict', `${kid} is the only key; \`jot keys rotate\` first`);
  if (keys[0]?.kid === kid) {
    throw new JotError('conflict', `${kid} is the key that signs; \`jot keys rotate\` first`);
  }
  writeKeyFile(path, left);
}

function readStored(path: string): StoredKey[] {
  const text = readIfThere(path);
  if (text === null) throw unusable(path, 'there is none yet; the first start of the server makes it');
  return parseKeyFile(path, text);
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unusable(path, withNote(error as Error, path));
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

function signingKey({ kid, secret }: StoredKey): SigningKey {
  return { kid, secret: Buffer.from(secret, 'base64url') };
}

function timeOf(text: unknown): number | null {
  const timeMs = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(timeMs) ? null : timeMs;
}

// Beside it first, then renamed: a crash leaves the old file or the new one, never half of one.
function writeKeyFile(path: string, keys: StoredKey[]): void {
  const beside = `${path}.${process.pid}.new`;
  try {
    // Root must not write through a link that whoever has the folder put there.
    rmSync(beside, { force: true });
    const file = openSync(beside, 'wx', 0o600);
    try {
      writeFileSync(file, `${JSON.stringify({ keys }, null, 2)}\n`);
      settleOwner(path, file);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
    syncFolder(dirname(path));
  } catch (error) {
    rmSync(beside, { force: true });
    throw unusable(path, withNote(error as Error, path));
  }
}

// A server that runs as a user of its own must still be able to read what root has made or changed.
function settleOwner(path: string, file: number): void {
  const before = statSync(path, { throwIfNoEntry: false });
  const own = fstatSync(file);
  if (before !== undefined) {
    if (before.uid !== own.uid || before.gid !== own.gid) fchownSync(file, before.uid, before.gid);
    return;
  }
  const heir = heirOf(path);
  if (heir === null) return;
  try {
    fchownSync(file, heir.uid, heir.gid);
  } catch (error) {
    ignoreUngivable(error as NodeJS.ErrnoException);
  }
}

function withNote(error: Error, path: string): string {
  return error.message.replace(/\.$/, '') + permissionNote(error) + deniedNote(error, path);
}

// Under Node's permission model no file can be made durable, but one that is there can be read.
function permissionNote({ code, message }: NodeJS.ErrnoException): string {
  const isOfModel = code === 'ERR_ACCESS_DENIED' && message.startsWith('fsync');
  return isOfModel ? '; start once without --permission, or set JWT_SECRET_KEY' : '';
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
