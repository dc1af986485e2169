// The key file: it holds the signing keys unless a setting does. The first start creates it, and
// `jot keys` changes it. A server that lost its keys would end every session. So if the file exists
// but is unusable, that is an error, and the file is never replaced. Writing it in place could
// leave half a file after a crash. So each version is written to a new file, which is then renamed:
// a crash leaves the old version or the new one. It can also leave the unfinished file, with all
// secrets in it, so the next start or change removes that file.

import { type FileHandle, open, rm, stat } from 'node:fs/promises';
import { JotError } from '../lib/errors.ts';
import {
  heirOf,
  ignoreMissing,
  ignoreUngivable,
  readTextFile,
  renameDurably,
  withoutLinks,
} from '../lib/file-access.ts';
import { decodeBase64url } from './base64url.ts';
import { KEYS_MAX } from './jwt.ts';
import { keysFromSecrets, randomKey, SECRET_BYTES, type SigningKey } from './keys.ts';

// Ten keys take about 2 KiB.
const FILE_BYTES_MAX = 64 * 1024;
// Each token holds the id of its key, and a token has at most 8 KiB.
const KID_LENGTH_MAX = 64;
const RETIRE_FIRST = '`jot keys retire` an old one first; `jot keys list` shows when its tokens expire';

interface StoredKey {
  readonly kid: string;
  /** Base64url. */
  readonly secret: string;
  /** ISO 8601. */
  readonly created?: string;
  /** Time at which another key was put in front of this one; absent for the first key. */
  readonly replaced?: string;
}

/**
 * The public part of a key. Times are in milliseconds since the epoch; null if the file lacks them.
 */
export interface KeyRecord {
  readonly kid: string;
  readonly created: number | null;
  /** Time at which the key stopped signing; null also for the key that signs. */
  readonly replaced: number | null;
}

/**
 * Returns the keys of the secrets if there are any, else those of the file. Without a path it
 * returns a key that is never stored, since a store in memory ends with the process anyway.
 *
 * @param onCreate Called after the file was created.
 * @throws JotError `unavailable` as `openKeyFile` does.
 */
export async function openKeys(
  secrets: readonly string[],
  path: string | null,
  now: () => number,
  onCreate: (path: string) => Promise<void>,
): Promise<SigningKey[]> {
  if (secrets.length > 0) return keysFromSecrets(secrets);
  return path === null ? [randomKey()] : openKeyFile(path, now, onCreate);
}

/**
 * Reads the key file, or creates one with a single key and mode 0600. Its folder must exist. If a
 * command changes the file at the same time, the command fails.
 *
 * @throws JotError `unavailable` if the file exists but is unusable, or is a dangling link.
 */
export async function openKeyFile(
  path: string,
  now: () => number,
  onCreate?: (path: string) => Promise<void>,
): Promise<SigningKey[]> {
  await removeUnfinished(path);
  const keys = await findKeys(path);
  if (keys !== null) return signingKeys(path, keys);
  const key = randomKey();
  await writeKeys(path, [storedKey(key, now)]);
  await onCreate?.(path);
  return [key];
}

/**
 * Reads an existing key file: a running server never replaces a lost one.
 *
 * @throws JotError `unavailable` if there is no usable file.
 */
export async function readKeyFile(path: string): Promise<SigningKey[]> {
  return signingKeys(path, await getKeys(path));
}

/**
 * Returns the keys of the file without their secrets.
 *
 * @throws JotError `unavailable` if there is no usable file.
 */
export async function listKeyFile(path: string): Promise<KeyRecord[]> {
  return (await getKeys(path)).map(({ kid, created, replaced }, index, keys) => ({
    kid,
    created: timeOf(created),
    // Files of earlier versions lack `replaced`. The next key in front was created at that moment.
    replaced: index === 0 ? null : timeOf(replaced ?? keys[index - 1]?.created),
  }));
}

/**
 * Adds a new key in front. The caller must hold a lock, since concurrent changes would overwrite
 * each other.
 *
 * @returns the id of the new key.
 * @throws JotError `unavailable` if there is no usable file, or if it is full.
 */
export async function rotateKeyFile(path: string, now: () => number): Promise<string> {
  const [first, ...others] = await getKeys(path);
  const count = others.length + 1;
  if (count >= KEYS_MAX)
    throw unusable(path, `it holds ${count} of at most ${KEYS_MAX} keys; ${RETIRE_FIRST}`);
  const key = storedKey(randomKey(), now);
  const replaced = first === undefined ? [] : [{ ...first, replaced: new Date(now()).toISOString() }];
  await writeKeys(path, [key, ...replaced, ...others]);
  return key.kid;
}

/**
 * Removes a key. The caller must hold a lock, as for `rotateKeyFile`.
 *
 * @throws JotError `unavailable` if there is no usable file, `not_found` if it lacks the key,
 * `conflict` if the key signs.
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
  if (keys === null) throw unusable(path, 'it does not exist; the first start of the server creates it');
  return keys;
}

async function findKeys(path: string): Promise<StoredKey[] | null> {
  try {
    const text = await readTextFile(path, FILE_BYTES_MAX).catch(ignoreMissing);
    return text === undefined ? null : parseKeys(text);
  } catch (error) {
    throw unusable(path, reasonOf(error as Error));
  }
}

// V8's message quotes the text, which is secret.
function reasonOf(error: Error): string {
  return error instanceof SyntaxError ? 'it is not JSON' : error.message;
}

function parseKeys(text: string): StoredKey[] {
  const keys = (JSON.parse(text) as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length === 0) throw new TypeError('"keys" must be a non-empty list');
  keys.forEach((key, index) => {
    if (!isStoredKey(key))
      throw new TypeError(
        `key ${index + 1} needs a "kid" of 1 to ${KID_LENGTH_MAX} characters and a "secret" of 32 bytes or more in base64url`,
      );
  });
  const kids = new Set(keys.map(({ kid }) => kid));
  if (kids.size < keys.length) throw new TypeError('two keys have the same "kid"');
  return keys;
}

function isStoredKey(key: unknown): key is StoredKey {
  const { kid, secret } = (key ?? {}) as { kid?: unknown; secret?: unknown };
  if (typeof kid !== 'string' || typeof secret !== 'string') return false;
  if (kid === '' || kid.length > KID_LENGTH_MAX) return false;
  return (decodeBase64url(secret)?.length ?? 0) >= SECRET_BYTES;
}

function storedKey({ kid, secret }: SigningKey, now: () => number): StoredKey {
  return { kid, secret: Buffer.from(secret).toString('base64url'), created: new Date(now()).toISOString() };
}

// `jot keys list` and `jot keys retire` accept a file with more keys.
function signingKeys(path: string, keys: readonly StoredKey[]): SigningKey[] {
  if (keys.length > KEYS_MAX) {
    throw unusable(
      path,
      `it holds ${keys.length} keys, and at most ${KEYS_MAX} are possible; ${RETIRE_FIRST}`,
    );
  }
  return keys.map(({ kid, secret }) => ({ kid, secret: Buffer.from(secret, 'base64url') }));
}

function timeOf(text: unknown): number | null {
  const timeMs = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(timeMs) ? null : timeMs;
}

function unfinishedPath(path: string): string {
  return `${path}.new`;
}

async function removeUnfinished(path: string): Promise<void> {
  try {
    await rm(unfinishedPath(await withoutLinks(path)), { force: true });
  } catch (error) {
    throw unusable(path, (error as Error).message);
  }
}

async function writeKeys(path: string, keys: StoredKey[]): Promise<void> {
  try {
    // Renaming to a link would replace the link.
    await replaceFile(await withoutLinks(path), `${JSON.stringify({ keys }, null, 2)}\n`);
  } catch (error) {
    throw unusable(path, (error as Error).message);
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const newPath = unfinishedPath(path);
  // Root must not follow a link that the owner of the folder created.
  await rm(newPath, { force: true });
  try {
    const file = await open(newPath, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await settleOwner(file, path);
      await file.sync();
    } finally {
      await file.close();
    }
    await renameDurably(newPath, path);
  } catch (error) {
    await rm(newPath, { force: true });
    throw error;
  }
}

// A server that runs as another user must be able to read a file that root created or changed.
async function settleOwner(file: FileHandle, path: string): Promise<void> {
  const before = await stat(path).catch(ignoreMissing);
  if (before !== undefined) return file.chown(before.uid, before.gid);
  const heir = heirOf(path);
  if (heir !== null) await file.chown(heir.uid, heir.gid).catch(ignoreUngivable);
}

function unusable(path: string, reason: string): JotError {
  return new JotError('unavailable', `Cannot use the key file ${path}: ${reason}`);
}
