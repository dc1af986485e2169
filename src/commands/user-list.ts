// `jot user list`: who there is, and how much each has. It reads the data file, without a lock, so it can be run beside a
// server.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Id, User } from '../store/collections.ts';
import { readDataFile } from '../store/file/offline.ts';
import type { Tables } from '../store/tables.ts';
import { type Command, dataFileOf, parseArguments } from './command.ts';
import { withProgress } from './progress.ts';
import { shown, tableOf, timeText } from './table.ts';

interface Listed {
  readonly id: Id;
  readonly username: string;
  readonly created: string;
  readonly posts: number;
  /** Those that have not expired. */
  readonly sessions: number;
}

export const listUsers: Command = {
  name: 'user list',
  parameters: '[--json] [file]',
  summary: 'show the users, and how many posts and sessions each has',
  async run(world, args) {
    const { options, positionals } = parseArguments(args, ['json'], 1);
    const path = dataFileOf(world, positionals);
    const { tables } = await withProgress(world, `reading ${path}`, (onProgress) =>
      readDataFile(path, { onProgress }),
    );
    const users = usersIn(tables, world.now());
    await pipeline(Readable.from(options.has('json') ? jsonLines(users) : table(users)), world.stdout, {
      end: false,
    });
    return 0;
  },
};

function usersIn(tables: Tables, nowMs: number): Listed[] {
  const users = [...tables.rows('users')] as User[];
  return users
    .sort((one, other) => one.id - other.id)
    .map(({ id, username, created }) => ({
      id,
      username,
      created: timeText(created),
      posts: [...tables.ownedIds('posts', id)].length,
      sessions: liveSessions(tables, id, nowMs),
    }));
}

function liveSessions(tables: Tables, owner: Id, nowMs: number): number {
  const rows = [...tables.ownedIds('sessions', owner)].map((id) => tables.find('sessions', id));
  return rows.filter((row) => row !== undefined && 'expires' in row && Number(row.expires) > nowMs).length;
}

function* jsonLines(users: readonly Listed[]): Generator<string> {
  for (const user of users) yield `${JSON.stringify(user)}\n`;
}

function table(users: readonly Listed[]): Generator<string> {
  const rows = users.map(({ id, username, created, posts, sessions }) => [
    String(id),
    shown(username),
    created,
    String(posts),
    String(sessions),
  ]);
  return tableOf(['id', 'username', 'created', 'posts', 'sessions'], rows);
}
