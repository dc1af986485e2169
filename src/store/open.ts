// A store from its URL: `memory:` or `file:<path>`.

import { wholeClock } from '../lib/clock.ts';
import { JotError } from '../lib/errors.ts';
import { type Log, tolerantLog } from '../lib/log.ts';
import { requireOption } from '../lib/option.ts';
import { type Capacity, DEFAULT_CAPACITY } from './capacity.ts';
import { openFileStore } from './file/file-store.ts';
import { openMemoryStore } from './memory/memory-store.ts';
import type { ControlHandlers, Store } from './store.ts';

export type { Page } from '../lib/page.ts';
export type { Capacity } from './capacity.ts';
export type { Entity, Id, NewRows, Post, Session, User } from './collections.ts';
export { byUsername, usernameKey } from './collections.ts';
export type * from './store.ts';

export interface OpenOptions {
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
  /** Hears of a data file that is made, of torn ends that were set aside and of compactions, whether they went well or not; default: nobody does. */
  readonly log?: Log;
  /** Gives what other processes can ask for; a request waits for it. A store in memory can't be reached. Default: nothing. */
  readonly answers?: () => Promise<ControlHandlers>;
  /** Bounds of the store; default half of V8's heap, and no quotas. */
  readonly capacity?: Partial<Capacity>;
}

const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * Opens the store that the URL names. A path is relative to the working directory.
 *
 * @throws JotError `unavailable` for another scheme, a file in use or a damaged one;
 * TypeError for any other wrong option.
 */
export async function openStore(
  url: string,
  { now = () => Date.now(), log = silent, answers, capacity: bounds }: OpenOptions = {},
): Promise<Store> {
  const options = { now: wholeClock(now), log: tolerantLog(log), answers, capacity: completed(bounds) };
  const path = filePath(url);
  if (path !== null) return openFileStore(path, options);
  if (url === 'memory:') return openMemoryStore(options.capacity);
  throw new JotError('unavailable', 'A store is `memory:` or `file:<path>`');
}

function completed(bounds: Partial<Capacity> = {}): Capacity {
  const capacity = { ...DEFAULT_CAPACITY, ...bounds };
  const { rowsPerUser, ...totals } = capacity;
  for (const [name, value] of Object.entries({ ...totals, ...rowsPerUser })) {
    const isValid = typeof value === 'number' && value >= 0;
    requireOption(isValid, `Cannot open a store: ${name} in its capacity must be a number`, value);
  }
  return capacity;
}

/** Returns the path in a `file:` URL; null for any other URL, and for the path of a folder. */
export function filePath(url: string): string | null {
  const path = url.startsWith('file:') ? url.slice('file:'.length) : '';
  // `file:///var/lib/jot.jsonl` is the same as `file:/var/lib/jot.jsonl` (RFC 8089 §2). Jot accepts
  // no host between the slashes.
  const local = path.startsWith('///') ? path.slice(2) : path;
  // RFC 8089 has no relative paths, so a relative path is not decoded.
  const file = local.startsWith('/') ? decoded(local) : local;
  return file === null || file.startsWith('//') || isFolder(file) ? null : file;
}

// The path of a folder would become the name of a file: `data/` of the file `data`.
function isFolder(path: string): boolean {
  return /(?:^|\/)\.{0,2}$/.test(path);
}

// RFC 8089 takes percent-encoding from RFC 3986. There, an encoded slash does not separate, but
// after decoding it would. A path cannot hold NUL.
function decoded(path: string): string | null {
  if (/%(?:2f|00)/i.test(path)) return null;
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}
