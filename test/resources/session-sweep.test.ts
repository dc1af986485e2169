import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { sweepSessions } from '../../src/resources/session-sweep.ts';
import { sessionsOf } from '../../src/resources/sessions.ts';
import type { Store } from '../../src/store/open.ts';
import { openFor, sessionOf, userNamed } from '../support/disk/stores.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { createPerson } from '../support/server/person.ts';
import { startServer, type TestServer } from '../support/server/server.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW = 1_795_500_000_000;

/** Adds this many users and sessions of theirs in turn, which expire at these times. */
async function addSessions(store: Store, users: number, expiries: readonly number[]): Promise<void> {
  const names = Array.from({ length: users }, (_, index) => `user ${index}`);
  await store.write(names.map((name) => ({ create: 'users' as const, values: userNamed(name) })));
  const sessions = expiries.map((expires, index) => ({
    create: 'sessions' as const,
    values: { ...sessionOf(1 + (index % users), `s${index}`), expires },
  }));
  await store.write(sessions);
}

async function sidsIn(store: Store): Promise<string[]> {
  const lists = await Promise.all([1, 2].map((id) => sessionsOf(store, { id })));
  return lists.flatMap((sessions) => sessions.map(({ sid }) => sid)).sort();
}

async function sessionCount({ call }: TestServer): Promise<number> {
  return Number(/^jot_sessions (\d+)$/m.exec((await call('GET', '/metrics')).text)?.[1]);
}

describe('sweepSessions', () => {
  it('deletes what expired two hours ago, of every user, and nothing else', async (t) => {
    const store = await openFor(t, 'memory:');
    const ago = [-1, 0, 1, 2 * HOUR_MS - 1, 2 * HOUR_MS, 2 * HOUR_MS + 1, 365 * DAY_MS];
    await addSessions(
      store,
      2,
      ago.map((ms) => NOW - ms),
    );
    assert.equal(await sweepSessions({ store, now: () => NOW }), 3);
    assert.deepEqual(await sidsIn(store), ['s0', 's1', 's2', 's3']);
    assert.equal(await store.users.count(), 2);
  });

  it('writes once for each page of users, and not at all if none expired', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    await addSessions(store, 120, Array(240).fill(NOW));
    const lines = () => readFileSync(path, 'utf8').split('\n').length;
    const before = lines();
    assert.equal(await sweepSessions({ store, now: () => NOW }), 0);
    assert.equal(lines(), before);
    assert.equal(await sweepSessions({ store, now: () => NOW + DAY_MS }), 240);
    assert.equal(lines(), before + 3);
    assert.equal(await store.sessions.count(), 0);
  });

  it('deletes at most 500 sessions in a write', async (t) => {
    const path = `${temporaryFolder(t)}/jot.jsonl`;
    const store = await openFor(t, `file:${path}`);
    await addSessions(store, 12, Array(1_200).fill(NOW));
    const lines = () => readFileSync(path, 'utf8').trimEnd().split('\n');
    const before = lines().length;
    assert.equal(await sweepSessions({ store, now: () => NOW + DAY_MS }), 1_200);
    const deletions = lines()
      .slice(before)
      .map((line) => JSON.parse(line).changes.length);
    assert.deepEqual(deletions, [500, 500, 200]);
  });

  it('lets other work run between the pages', async (t) => {
    const store = await openFor(t, 'memory:');
    await addSessions(store, 500, []);
    let turns = 0;
    const turn = () => {
      turns++;
      timer = setImmediate(turn);
    };
    let timer = setImmediate(turn);
    await sweepSessions({ store, now: () => NOW });
    clearImmediate(timer);
    assert.ok(turns >= 9, `${turns} turns`);
  });

  it('stops after the current page once its signal is aborted', async (t) => {
    const store = await openFor(t, 'memory:');
    await addSessions(store, 120, Array(240).fill(NOW));
    const stopping = new AbortController();
    const sweep = sweepSessions({ store, now: () => NOW + DAY_MS }, stopping.signal);
    stopping.abort();
    assert.equal(await sweep, 100);
    assert.equal(await sweepSessions({ store, now: () => NOW + DAY_MS }, AbortSignal.abort()), 0);
  });
});

describe('startSweeping', () => {
  it('deletes expired sessions after a start and every hour, and logs their number', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const settings = { DATABASE_URL: `file:${temporaryFolder(t)}/jot.jsonl` };
    const before = await startServer(t, settings);
    await createPerson(before, 'matt');
    await before.close();

    const later = before.clock.ms + 31 * DAY_MS;
    const clock = { ms: later };
    const after = await startServer(t, settings, { now: () => clock.ms });
    while ((await sessionCount(after)) > 0);
    await after.signIn('matt');
    clock.ms += 31 * DAY_MS;
    assert.equal(await sessionCount(after), 1);
    t.mock.timers.tick(HOUR_MS);
    while ((await sessionCount(after)) > 0);
    const swept = after.log
      .map((line) => JSON.parse(line))
      .filter(({ message }) => message === 'deleted expired sessions');
    assert.deepEqual(
      swept.map(({ count }) => count),
      [1, 1],
    );
    await after.close();
  });
});
