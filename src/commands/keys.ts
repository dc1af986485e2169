// `jot keys`: manages the signing keys that are kept in a file. A key is replaced in two steps: add
// a new key in front, and retire the old key once `list` shows that all of its tokens have expired.
// The command changes the file under a separate lock, and a running server then reloads it, so
// neither step needs a restart.

import { type KeyRecord, listKeyFile, retireKey, rotateKeyFile } from '../auth/key-file.ts';
import type { TokenSettings } from '../auth/tokens.ts';
import { keyFileOf } from '../config.ts';
import { inTurn } from '../control/lock.ts';
import { JotError } from '../lib/errors.ts';
import { withoutLinks } from '../lib/file-access.ts';
import { type Command, configOf, dataFileOf, print, type World } from './command.ts';
import { keysInUse } from './key-requests.ts';
import { askServer, reportWhere } from './running-server.ts';
import { tableOf, timeText } from './text-table.ts';

// A server reads the file a moment after it was changed, and signs with the older key until then.
const RELOAD_MS_MAX = 10_000;
const COLUMNS = ['kid', 'created', 'signs', 'access tokens until', 'refresh tokens until'];

export const listKeys: Command = {
  name: 'keys list',
  summary: 'show the keys, and when the last tokens of each expire',
  async run(world) {
    const records = await listKeyFile(keyFileIn(world));
    const { tokens } = configOf(world);
    const rows = records.map((record, index) => rowOf(record, index === 0, tokens, world.now()));
    await print(world.stdout, tableOf([COLUMNS, ...rows]));
  },
};

export const rotateKeys: Command = {
  name: 'keys rotate',
  summary: 'sign with a new key; tokens of older keys stay valid',
  async run(world) {
    const { result: kid, since } = await changeKeys(world, (path) => rotateKeyFile(path, world.now));
    const report = `New tokens are signed with key ${kid} ${since}. Those of older keys stay valid.\n`;
    await print(world.stdout, report);
  },
};

export const retireKeys: Command = {
  name: 'keys retire',
  parameters: { '<kid>': 'the id of a key that no longer signs; `jot keys list` shows them' },
  summary: 'reject all tokens that were signed with that key',
  async run(world, { positionals: [kid = ''] }) {
    const { since } = await changeKeys(world, (path) => retireKey(path, kid));
    await print(world.stdout, `Key ${kid} is retired. Its tokens are rejected ${since}.\n`);
  },
};

function keyFileIn(world: World): string {
  const path = keyFileOf(configOf(world));
  if (path !== null) return path;
  throw new JotError('unavailable', 'No key file is in use: JWT_SECRET_KEY is set or the data is in memory');
}

// Reading, changing and writing the file is one critical section, so that concurrent rotations
// cannot overwrite each other.
async function changeKeys<T>(
  world: World,
  change: (path: string) => Promise<T>,
): Promise<{ readonly result: T; readonly since: string }> {
  const path = keyFileIn(world);
  await listKeyFile(path);
  const realPath = await withoutLinks(path);
  return inTurn(realPath, async () => {
    const reload = () => reloadKeys(dataFileOf(world, []), realPath);
    // If an earlier command failed late or was killed, its change may be in the file but not in the
    // server.
    const result = await change(realPath).catch(async (error) => {
      await reload();
      throw error;
    });
    const server = await reload();
    reportWhere(world, path, server, 'key');
    const since =
      server === undefined ? 'after the next start; no server is running' : `by ${server} from now on`;
    return { result, since };
  });
}

/**
 * Makes the running server reload the key file.
 *
 * @returns the server; undefined if none is running.
 */
async function reloadKeys(dataFile: string, keyFile: string): Promise<string | undefined> {
  try {
    const served = await askServer(dataFile, { name: 'keys reload', type: keysInUse });
    if (served === null) return undefined;
    const kids = (await listKeyFile(keyFile)).map(({ kid }) => kid);
    if (String(served.response.kids) === String(kids)) return served.server;
    throw new JotError('unavailable', 'it uses another key file');
  } catch (error) {
    const { message } = error as Error;
    throw new JotError('unavailable', `The running server does not use the keys of the file: ${message}`);
  }
}

function rowOf(
  { kid, created, replaced }: KeyRecord,
  isFirst: boolean,
  { expirationMs, refreshExpirationMs, leewayMs }: TokenSettings,
  nowMs: number,
): string[] {
  if (isFirst) return [kid, timeText(created), 'yes'];
  const until = (lifetimeMs: number) => {
    if (replaced === null) return '?';
    const untilMs = replaced + RELOAD_MS_MAX + lifetimeMs + leewayMs;
    return `${timeText(untilMs)}${untilMs <= nowMs ? ', past' : ''}`;
  };
  const since = replaced === null ? 'no' : `until ${timeText(replaced)}`;
  return [kid, timeText(created), since, until(expirationMs), until(refreshExpirationMs)];
}
