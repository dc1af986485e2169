// Deletes expired sessions. A login deletes those of its own user, but a user who never signs in
// again would leave rows with user agents in the store for good. So a sweep visits all users after
// the start and every hour. A single write for all of them would block the event loop in proportion
// to their number. So the sweep reads one page of users at a time, deletes at most 500 sessions in
// a write, and lets requests run in between.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from '../lib/log.ts';
import type { Page } from '../lib/page.ts';
import type { User } from '../store/collections.ts';
import type { Operation } from '../store/store.ts';
import { type SessionsOptions, sessionsOf } from './sessions.ts';

const INTERVAL_MS = 3_600_000;
const USERS_AT_ONCE_MAX = 50;
// Takes about 6 ms. Each user has a hundred sessions at most, but for concurrent logins.
const DELETIONS_AT_ONCE_MAX = 500;
// Longer than the maximum of `JWT_LEEWAY`: a sweep never deletes a session whose refresh token may
// still be accepted, so it cannot race with a refresh.
const GRACE_MS = 2 * 3_600_000;

type SweepOptions = Pick<SessionsOptions, 'store' | 'now'>;

/**
 * Sweeps now and every hour.
 *
 * @returns a function that stops it.
 */
export function startSweeping({ log, ...options }: SweepOptions & { readonly log: Log }): () => void {
  const stopping = new AbortController();
  const sweep = () =>
    sweepSessions(options, stopping.signal).then(
      (count) => count > 0 && log.info('deleted expired sessions', { count }),
      ({ message: reason }) => log.warn('cannot delete expired sessions', { reason }),
    );
  const timer = setInterval(sweep, INTERVAL_MS).unref();
  void sweep();
  return () => {
    stopping.abort();
    clearInterval(timer);
  };
}

/**
 * Deletes the sessions that expired two hours ago or earlier.
 *
 * @param signal Ends the sweep after the current page.
 * @returns the number of deleted sessions.
 */
export async function sweepSessions({ store, now }: SweepOptions, signal?: AbortSignal): Promise<number> {
  let count = 0;
  for (let after: number | null = 0; after !== null && signal?.aborted !== true; ) {
    const query = { after, limit: USERS_AT_ONCE_MAX, order: 'asc' } as const;
    const { rows: users, next }: Page<User> = await store.users.list(query);
    const operations: Operation[] = [];
    for (const user of users) {
      for (const { id, expires } of await sessionsOf(store, user)) {
        if (expires + GRACE_MS <= now()) operations.push({ discard: 'sessions', id });
      }
    }
    count += operations.length;
    after = next;
    await nextTurn();
    while (operations.length > 0) {
      await store.write(operations.splice(0, DELETIONS_AT_ONCE_MAX));
      await nextTurn();
    }
  }
  return count;
}
