// Every kind of store, so that one suite checks all engines against the same contract, and the rows
// to store in them.

import assert from 'node:assert/strict';
import type { ErrorCode, JotError } from '../../../src/lib/errors.ts';
import type { CollectionName, NewRows, Rows } from '../../../src/store/collections.ts';
import { missingDefaults } from '../../../src/store/lift.ts';
import {
  type Entity,
  type Id,
  openStore,
  type Post,
  type Session,
  type Store,
  type User,
  type Values,
} from '../../../src/store/open.ts';
import { type Cleanup, temporaryFolder } from './temporary-folder.ts';

export interface StoreKind {
  readonly name: string;
  /** Whether its rows survive a restart. */
  readonly isDurable: boolean;
  /** Returns the URL of an empty store. */
  readonly newUrl: (t: Cleanup) => string;
}

export const storeKinds: readonly StoreKind[] = [
  { name: 'memory:', isDurable: false, newUrl: () => 'memory:' },
  { name: 'file:', isDurable: true, newUrl: (t) => `file:${temporaryFolder(t)}/jot.jsonl` },
];

/** Opens an empty store, closed when the test is over. */
export async function openEmpty(t: Cleanup, kind: StoreKind): Promise<Store> {
  return openFor(t, kind.newUrl(t));
}

/** Opens the store at a URL, closed when the test is over. */
export async function openFor(t: Cleanup, url: string): Promise<Store> {
  const store = await openStore(url);
  t.after(() => store.close());
  return store;
}

export function userNamed(username: string): Values<User> {
  return whole('users', {
    username,
    password_hash: '$scrypt$ln=14,r=8,p=5$c2FsdA$aGFzaGhhc2hoYXNoaGFzaA',
    created: 1_795_437_313_000,
  });
}

export function postOf(user_id: Id, title = 'A title'): Values<Post> {
  const created = 1_795_437_313_000;
  return whole('posts', { user_id, title, body: 'Text', created, updated: created });
}

export function sessionOf(user_id: Id, sid: string): Values<Session> {
  const created = 1_795_437_313_000;
  const times = { created, last_used: created, expires: created + 1 };
  return whole('sessions', { user_id, sid, generation: 0, user_agent: 'curl', ...times });
}

/** Fills in the defaults of fields that these tests do not know of. */
function whole<Name extends CollectionName>(name: Name, values: NewRows[Name]): Values<Rows[Name]> {
  const missing = Object.fromEntries(missingDefaults(name, values));
  return { ...values, ...missing } as object as Values<Rows[Name]>;
}

/** Asserts that the promise is rejected with this code, and with this message if there is one. */
export async function rejects(promise: Promise<unknown>, code: ErrorCode, message?: string): Promise<void> {
  await assert.rejects(promise, { name: 'JotError', code, ...(message === undefined ? {} : { message }) });
}

/** Resolves to all usernames, in the order of their ids. */
export async function namesIn({ users }: Store): Promise<string[]> {
  return (await users.list({ after: 0, limit: 200, order: 'asc' })).rows.map(({ username }) => username);
}

/** Resolves to all rows of one moment, by collection and id; `usersMax` is the highest id of a user. */
export async function everythingIn({ users, posts, sessions }: Store, usersMax = 10) {
  const query = { after: 0, limit: 1_000_000, order: 'asc' } as const;
  const owners = Array.from({ length: usersMax }, (_, index) => index + 1);
  const pages = await Promise.all([
    users.list(query),
    ...[posts, sessions].flatMap((each) => owners.map((owner) => each.list({ ...query, owner }))),
  ]);
  const lists = [pages.slice(0, 1), pages.slice(1, 1 + usersMax), pages.slice(1 + usersMax)];
  return lists.map((list) => list.flatMap(({ rows }): readonly Entity[] => rows).sort((a, b) => a.id - b.id));
}

/** Resolves to `done` for each write that succeeded, or to the code of its error. */
export function outcomesOf(writes: readonly Promise<unknown>[]): Promise<string[]> {
  const done = () => 'done';
  return Promise.all(writes.map((write) => write.then(done, (error: JotError) => error.code)));
}
