// A small export for tests to change, as an object and as text, and a store with rows of all kinds.

import { SCHEMA } from '../../../src/store/lift.ts';
import type { Store } from '../../../src/store/open.ts';
import { postOf, sessionOf, userNamed } from './stores.ts';

/** A hash of the password `foo` at the lowest cost. */
export const FOO_HASH =
  '$scrypt$ln=1,r=1,p=1$AAECAwQFBgcICQoLDA0ODw$AJbjWYyUo8C5dtEUSQ4xq/gdsmXQe5BbgYREneSxscs';

// biome-ignore lint/suspicious/noExplicitAny: tests put anything into an export.
export type Export = Record<string, any>;

/** Returns a new export with rows of today's schema, in the format of version 1. */
export function exportOf(more: Export = {}): Export {
  return {
    format: 'jot-export',
    version: 1,
    next: { users: 7, posts: 4, sessions: 2 },
    users: [
      { id: 1, version: 1, ...userNamed('matt'), password_hash: FOO_HASH },
      { id: 5, version: 3, ...userNamed('zoé'), password_hash: FOO_HASH },
    ],
    posts: [{ id: 3, version: 2, ...postOf(5, 'A "title"\n😀') }],
    sessions: [{ id: 1, version: 1, ...sessionOf(1, 'one') }],
    ...more,
  };
}

/** Returns an export as JSON Lines, as `jot export --with-secrets` prints it. */
export function exportText({ format, version, next, ...lists }: Export = exportOf()): string {
  const rows = Object.entries(lists).flatMap(([name, list]) => list.map((row: unknown) => ({ [name]: row })));
  const header = { format, version: version && 2, schema: SCHEMA, next, rows: rows.length };
  return [header, ...rows].map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** Fills a store with rows of all kinds, changed rows, and ids of removed rows. */
export async function fillStore(store: Store): Promise<void> {
  for (const name of ['matt', 'elie', 'zoé "]}', 'tim']) {
    await store.users.create({ ...userNamed(name), password_hash: FOO_HASH });
  }
  for (const title of ['One', '\\"{[', '\u2028 😀 \u0000', 'Four'])
    await store.posts.create(postOf(3, title));
  await store.sessions.create(sessionOf(1, 'one'));
  await store.posts.create(postOf(2));
  await store.users.update(1, { username: 'Matthew' });
  await store.users.remove(4);
  await store.posts.remove(4);
}
