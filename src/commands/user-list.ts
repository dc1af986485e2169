// `jot user list`: shows the users, how many posts and sessions each has, and how much memory the
// posts take in a server. It reads the data file without a lock, so it works while a server is
// running.
//
// It counts the sessions that have not expired. A session whose signing key was retired is counted
// too, although its tokens are useless, since a row does not record the key that signed its tokens.

import type { Id, Session, User } from '../store/collections.ts';
import { readDataFile } from '../store/file/offline.ts';
import type { Tables } from '../store/memory/tables.ts';
import { type Command, dataFileOf, FILE, print } from './command.ts';
import { shown, tableOf, timeText } from './text-table.ts';

const COLUMNS = ['id', 'username', 'disabled', 'created', 'posts', 'sessions', 'bytes'] as const;

/** A user as listed: a time as text, numbers of rows, and the memory of the posts. */
type Listed = Readonly<Record<(typeof COLUMNS)[number], string | number | boolean>>;

export const listUsers: Command = {
  name: 'user list',
  parameters: { '[--json]': 'a JSON object on a line for each user, instead of a table', ...FILE },
  summary: 'show the users, their posts and sessions, and the bytes of memory their posts take',
  async run(world, { options, positionals }) {
    const users = await readDataFile(dataFileOf(world, positionals), async ({ tables }) =>
      usersIn(tables, world.now()),
    );
    await print(world.stdout, options.has('json') ? jsonLines(users) : table(users));
  },
};

function usersIn(tables: Tables, nowMs: number): Listed[] {
  const isLive = (id: Id) => (tables.find('sessions', id) as Session).expires > nowMs;
  return Array.from(tables.ownedIds('users', 0), (id) => {
    const { username, disabled, created } = tables.find('users', id) as User;
    return {
      id,
      username,
      disabled,
      created: timeText(created),
      posts: [...tables.ownedIds('posts', id)].length,
      sessions: [...tables.ownedIds('sessions', id)].filter(isLive).length,
      bytes: tables.usage.of('users', id).bytes,
    };
  });
}

function jsonLines(users: readonly Listed[]): string {
  return users.map((user) => `${JSON.stringify(user)}\n`).join('');
}

function table(users: readonly Listed[]): string {
  const rows = users.map((user) => COLUMNS.map((column) => shown(String(user[column]))));
  return tableOf([COLUMNS, ...rows]);
}
