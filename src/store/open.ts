// A store from its URL: `memory:` or `file:<path>`.

import { wholeClock } from '../lib/clock.ts';
import { JotError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { type Capacity, DEFAULT_CAPACITY } from './capacity.ts';
import { openFileStore } from './file/file-store.ts';
import { openMemoryStore } from './memory/memory-store.ts';
import type { ControlHandlers, Store } from './store.ts';

export type { Page } from '../lib/page.ts';
export type { Capacity } from './capacity.ts';
export type { Entity, Id, NewRows, Post, Session, User } from './collections.ts';
export { usernameKey } from './collections.ts';
export type * from './store.ts';

export interface OpenOptions {
  /** Milliseconds since the epoch; default `Date.now`. */
  readonly now?: () => number;
  /** Hears of a data file that is made, of torn ends that were set aside and of compactions, whether they went well or not; default: nobody does. */
  readonly log?: Log;
  /** Gives what other processes can ask for; a request waits for it. A store in memory can't be reached. Default: nothing. */
  readonly answers?: () => Promise<ControlHandlers>;
  /** How much the store may hold; default three eighths of V8's heap, and no quotas. */
  readonly capacity?: Partial<Capacity>;
}

const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * Opens the store that the URL names. A path is relative to the working directory.
 *
 * @throws JotError `unavailable` for another scheme, a file in use or a damaged one;
 * TypeError for a clock that does not return a finite number.
 */
export async function openStore(
  url: string,
  { now = () => Date.now(), log = silent, answers, capacity: bounds }: OpenOptions = {},
): Promise<Store> {
  const capacity = { ...DEFAULT_CAPACITY, ...bounds };
  const clock = wholeClock(now);
  const path = filePath(url);
  if (path !== null) return openFileStore(path, { now: clock, log, answers, capacity });
  if (url === 'memory:') return openMemoryStore(capacity);
  throw new JotError('unavailable', 'A store is `memory:` or `file:<path>`');
}

/** The path in a `file:` URL; null for any other. */
export function filePath(url: string): string | null {
  const path = url.startsWith('file:') ? url.slice('file:'.length) : '';
  // `file:///var/lib/jot.jsonl` is the same as `file:/var/lib/jot.jsonl` (RFC 8089 §2); a host between the slashes is none of ours.
  const local = path.startsWith('///') ? path.slice(2) : path;
  return local === '' || local.startsWith('//') ? null : local;
}
