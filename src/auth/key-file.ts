// The file that keeps the signing keys where no setting holds them: made on the first start, changed by `jot keys`. A server that
// lost its keys would end every session, so a file that is there but can't be used is an error and never replaced. A new version is
// written to a file of its own and renamed: a crash leaves the old version or the new one, never half of one.

import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { JotError } from '../lib/errors.ts';
import { heirOf, ignoreMissing, ignoreUngivable, syncFolder } from '../lib/file-access.ts';
import { decodeBase64url } from './base64url.ts';
import { keysFromSecrets, randomKey, SECRET_BYTES, type SigningKey } from './keys.ts';

const KEYS_MAX = 100;

interface StoredKey {
  readonly kid: string;
  /** Base64url. */
  readonly secret: string;
  /** ISO 8601. */
  readonly created?: string;
  /** Time at which another key was put in front of this one; absent in the first one. */
  readonly replaced?: string;
}

/** The public part of a key. Times are milliseconds since the epoch; null if the file does not hold them. */
export interface KeyRecord {
  readonly kid: string;
  readonly created: number | null;
  /** Time from which it no longer signs. */
  readonly replaced: number | null;
}

/**
 * Returns the keys of the secrets if there are any, else those of the file. Without a path it returns a key that is never stored: the
 * tokens of a store in memory end with the process.
 *
 * @throws JotError `unavailable` as `openKeyFile` does.
 */
export async function openKeys(
  secrets: readonly string[],
  path: string | null,
  now: () => number,
): Promise<SigningKey[]> {
  if (secrets.length > 0) return keysFromSecrets(secrets);
  return path === null ? [randomKey()] : openKeyFile(path, now);
}

/**
 * Reads the key file, or makes one with one key and mode 0600. Its folder must exist.
 *
 * @throws JotError `unavailable` if the file is there but can't be used.
 */
export async function openKeyFile(path: string, now: () => number): Promise<SigningKey[]> {
  const keys = await findKeys(path);
  if (keys !== null) return keys.map(signingKey);
  const key = randomKey();
  await writeKeys(path, [storedKey(key, now)]);
  return [key];
}

/**
 * Reads a key file that must be there: a running server never replaces a lost one.
 *
 * @throws JotError `unavailable` if there is no usable file.
 */
export async function readKeyFile(path: string): Promise<SigningKey[]> {
  return (await getKeys(path)).map(signingKey);
}

/** Returns what the file holds except the secrets. @throws JotError `unavailable` if there is no usable file. */
export async function listKeyFile(path: string): Promise<KeyRecord[]> {
  return (await getKeys(path)).map(({ kid, created, replaced }, index, keys) => ({
    kid,
    created: timeOf(created),
    // Files of earlier versions lack `replaced`, but the key in front was made at that moment.
    replaced: index === 0 ? null : timeOf(replaced ?? keys[index - 1]?.created),
  }));
}

/**
 * Puts a new key in front. The caller must hold a lock: two changes at the same time would overwrite each other.
 *
 * @returns the new key's id.
 * @throws JotError `unavailable` if there is no usable file or it is full.
 */
export async function rotateKeyFile(path: string, now: () => number): Promise<string> {
  const [first, ...others] = await getKeys(path);
  if (others.length + 1 >= KEYS_MAX) throw unusable(path, `it holds ${KEYS_MAX} keys; retire some first`);
  const key = storedKey(randomKey(), now);
  const replaced = first === undefined ? [] : [{ ...first, replaced: new Date(now()).toISOString() }];
  await writeKeys(path, [key, ...replaced, ...others]);
  return key.kid;
}

/**
 * Removes a key. The caller must hold a lock, as for `rotateKeyFile`.
 *
 * @throws JotError `unavailable` if there is no usable file, `not_found` if the key is not in it, `conflict` if the key signs.
 */
export async function retireKey(path: string, kid: string): Promise<void> {
  const keys = await getKeys(path);
  const left = keys.filter((key) => key.kid !== kid);
  if (left.length === keys.length) throw new JotError('not_found', `There is no key ${JSON.stringify(kid)}`);
  if (left.length === 0) throw new JotError('conflict', `${kid} is the only key; \`jot keys rotate\` first`);
  if (keys[0]?.kid === kid) {
    throw new JotError('conflict', `${kid} is the key that signs; \`jot keys rotate\` first`);
  }
  await writeKeys(path, left);
}

async function getKeys(path: string): Promise<StoredKey[]> {
  const keys = await findKeys(path);
  if (keys === null) throw unusable(path, 'there is none yet; the first start of the server makes it');
  return keys;
}

async function findKeys(path: string): Promise<StoredKey[] | null> {
  try {
    const text = await readFile(path, 'utf8').catch(ignoreMissing);
    return text === undefined ? null : parseKeys(text);
  } catch (error) {
    throw unusable(path, reasonOf(error as Error));
  }
}

// V8's message about JSON quotes the text, and the text is secret.
function reasonOf(error: Error): string {
  return error instanceof SyntaxError ? 'it is not JSON' : error.message;
}

function parseKeys(text: string): StoredKey[] {
  const keys = (JSON.parse(text) as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length === 0) throw new TypeError('it holds no list of "keys"');
  keys.forEach((key, index) => {
    if (!isStoredKey(key))
      throw new TypeError(`key ${index + 1} needs a "kid" and a "secret" of 32 bytes or more in base64url`);
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

async function writeKeys(path: string, keys: StoredKey[]): Promise<void> {
  const newPath = `${path}.${process.pid}.new`;
  try {
    // Root must not write through a link that the folder's owner put there.
    await rm(newPath, { force: true });
    const file = await open(newPath, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ keys }, null, 2)}\n`);
      await settleOwner(file, path);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(newPath, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(newPath, { force: true });
    throw unusable(path, reasonOf(error as Error));
  }
}

// A server that runs as a user of its own must still be able to read a file that root has made or changed.
async function settleOwner(file: FileHandle, path: string): Promise<void> {
  const before = await stat(path).catch(ignoreMissing);
  if (before !== undefined) return file.chown(before.uid, before.gid);
  const heir = heirOf(path);
  if (heir !== null) await file.chown(heir.uid, heir.gid).catch(ignoreUngivable);
}

function unusable(path: string, reason: string): JotError {
  return new JotError('unavailable', `Can't use the key file ${path}: ${reason}`);
}
