// `jot user list`: shows the users and how much each has. It reads the data file without a lock, so it works beside a server.
//
// Sessions that have not expired are counted. A session whose signing key was retired counts too, though nobody can use it:
// a row does not say which key signed its tokens.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Id, Session, User } from '../store/collections.ts';
import { readDataFile } from '../store/file/offline.ts';
import type { Tables } from '../store/memory/tables.ts';
import { type Command, dataFileOf, FILE } from './command.ts';
import { withProgress } from './progress.ts';
import { shown, tableOf, timeText } from './text-table.ts';

const COLUMNS = ['id', 'username', 'created', 'posts', 'sessions'] as const;

/** A user as listed; `created` is a text, `posts` and `sessions` are counts. */
type Listed = Readonly<Record<(typeof COLUMNS)[number], string | number>>;

export const listUsers: Command = {
  name: 'user list',
  parameters: { '[--json]': 'a JSON object on a line for each user, instead of a table', ...FILE },
  summary: 'show the users, and how many posts and sessions each has',
  details: `
Sessions that have not expired are counted. Changes nothing, and works on the
file of a running server.`,
  async run(world, { options, positionals }) {
    const path = dataFileOf(world, positionals);
    const { tables } = await withProgress(world, `reading ${path}`, (onProgress) =>
      readDataFile(path, { onProgress }),
    );
    const users = usersIn(tables, world.now());
    const lines = options.has('json') ? jsonLines(users) : table(users);
    await pipeline(Readable.from(lines), world.stdout, { end: false });
  },
};

function usersIn(tables: Tables, nowMs: number): Listed[] {
  const isLive = (id: Id) => (tables.find('sessions', id) as Session).expires > nowMs;
  const users = [...tables.rows('users')] as User[];
  return users
    .sort((one, other) => one.id - other.id)
    .map(({ id, username, created }) => ({
      id,
      username,
      created: timeText(created),
      posts: [...tables.ownedIds('posts', id)].length,
      sessions: [...tables.ownedIds('sessions', id)].filter(isLive).length,
    }));
}

function* jsonLines(users: readonly Listed[]): Generator<string> {
  for (const user of users) yield `${JSON.stringify(user)}\n`;
}

function table(users: readonly Listed[]): Generator<string> {
  const cells = users.map((user) => COLUMNS.map((column) => shown(String(user[column]))));
  return tableOf(COLUMNS, cells);
}
