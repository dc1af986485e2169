// `jot user list`: who there is, and how much each has. It reads the data file, without a lock, so it can be run beside a
// server.
//
// A session whose key was retired is in the file, but nobody can use it. Which key that was no row tells; but its newest refresh
// token was signed when it was last used, and of each key it is known from when until when it signed. So it counts if one of the
// keys that are left can have signed it.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type KeyRecord, listKeyFile } from '../auth/keys.ts';
import { keyFilePath } from '../config.ts';
import { JotError } from '../lib/errors.ts';
import { validate } from '../schema/schema.ts';
import type { Id, User } from '../store/collections.ts';
import { readDataFile } from '../store/file/offline.ts';
import type { Tables } from '../store/memory/tables.ts';
import { type Command, dataFileOf, FILE, parseArguments, type World } from './command.ts';
import { keysInUse } from './key-requests.ts';
import { withProgress } from './progress.ts';
import { askServer } from './running-server.ts';
import { shown, tableOf, timeText } from './text-table.ts';

// A server hears of a new key a moment after it was made, and gives the same refresh token again for a while.
const SIGNED_LATE_MS_MAX = 60_000;

interface Listed {
  readonly id: Id;
  readonly username: string;
  readonly created: string;
  readonly posts: number;
  /** Those that have not expired, and whose keys have not been retired. */
  readonly sessions: number;
}

export const listUsers: Command = {
  name: 'user list',
  parameters: { '[--json]': 'a JSON object on a line for each user, instead of a table', ...FILE },
  summary: 'show the users, and how many posts and sessions each has',
  details: `A session whose signing key was retired does not count. Changes nothing, and works on the file of a running server.`,
  async run(world, args) {
    const { options, positionals } = parseArguments(args, ['json'], 1);
    const path = dataFileOf(world, positionals);
    const { tables } = await withProgress(world, `reading ${path}`, (onProgress) =>
      readDataFile(path, { onProgress }),
    );
    const users = usersIn(tables, world.now(), await keysFor(path, world));
    await pipeline(Readable.from(options.has('json') ? jsonLines(users) : table(users)), world.stdout, {
      end: false,
    });
    return 0;
  },
};

/** The keys in use, or null where that can't be told: they are in a setting, or in no file that is here. */
async function keysFor(path: string, { settings }: World): Promise<readonly KeyRecord[] | null> {
  if ((settings.JWT_SECRET_KEY ?? '').trim() !== '') return null;
  try {
    const records = listKeyFile(keyFilePath(`file:${path}`) ?? '');
    const reply = await askServer(path, 'keys list');
    if (reply === null) return records;
    const { kids } = validate(keysInUse, reply.answer);
    return records.filter(({ kid }) => kids.includes(kid));
  } catch (error) {
    if (error instanceof JotError) return null;
    throw error;
  }
}

function usersIn(tables: Tables, nowMs: number, keys: readonly KeyRecord[] | null): Listed[] {
  const users = [...tables.rows('users')] as User[];
  return users
    .sort((one, other) => one.id - other.id)
    .map(({ id, username, created }) => ({
      id,
      username,
      created: timeText(created),
      posts: [...tables.ownedIds('posts', id)].length,
      sessions: liveSessions(tables, id, nowMs, keys),
    }));
}

function liveSessions(tables: Tables, owner: Id, nowMs: number, keys: readonly KeyRecord[] | null): number {
  const rows = [...tables.ownedIds('sessions', owner)].map((id) => tables.find('sessions', id));
  return rows.filter((row) => {
    if (row === undefined || !('expires' in row && 'last_used' in row)) return false;
    return Number(row.expires) > nowMs && (keys === null || isSignedBy(keys, Number(row.last_used)));
  }).length;
}

function isSignedBy(keys: readonly KeyRecord[], timeMs: number): boolean {
  return keys.some(
    ({ created, replaced }) =>
      (created === null || created <= timeMs + SIGNED_LATE_MS_MAX) &&
      (replaced === null || timeMs <= replaced + SIGNED_LATE_MS_MAX),
  );
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
