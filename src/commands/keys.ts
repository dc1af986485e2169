// `jot keys`: the keys that tokens are signed with, where they are in a file. A key is replaced in two steps: put a new one in
// front, and retire the old one when no token of it is left; `list` tells when that is. The file is changed here, under a lock
// of its own, and a running server reads it again when it is told: between the two steps and after them nobody restarts
// anything.

import { type KeyRecord, listKeyFile, retireKey, rotateKeyFile } from '../auth/key-file.ts';
import type { TokenSettings } from '../auth/tokens.ts';
import { keyFilePath, parseConfig } from '../config.ts';
import { inTurn } from '../control/lock.ts';
import { JotError } from '../lib/errors.ts';
import { validate } from '../schema/schema.ts';
import { withoutLinks } from '../store/file/data-path.ts';
import { type Command, parseArguments, print, UsageError, type World } from './command.ts';
import { keysInUse } from './key-requests.ts';
import { askServer, type Reply, reportWhere, serverDataFile } from './running-server.ts';
import { tableOf, timeText } from './text-table.ts';

// A server reads the file a moment after it was changed, and signs with the older key until then.
const TELLING_MS_MAX = 10_000;

export const listKeys: Command = {
  name: 'keys list',
  summary: 'show the keys, and until when there can be tokens of each',
  details: `
Shows when each key was made, until when it signed, and when its last access and
refresh tokens end with the lifetimes as they are set now. Never shows a secret.
Changes nothing.`,
  async run(world, args) {
    parseArguments(args, [], 0);
    const records = await listKeyFile(keyFileOf(world));
    const { tokens } = parseConfig(world.settings);
    const head = ['kid', 'created', 'signs', 'access tokens until', 'refresh tokens until'];
    const rows = records.map((record, index) => rowOf(record, index === 0, tokens, world.now()));
    await print(world.stdout, [...tableOf(head, rows)].join(''));
    const warning = await differenceFrom(records, world);
    if (warning !== null) world.stderr.write(`jot: ${warning}\n`);
    return 0;
  },
};

export const rotateKeys: Command = {
  name: 'keys rotate',
  summary: 'sign with a new key; tokens of the older ones stay valid',
  details: `
Puts a new key in front in the key file, beside the data file. A running server
signs with it at once. Nobody has to sign in again. Where JWT_SECRET_KEY is set
there is no key file: put a new secret in front there, and restart.`,
  async run(world, args) {
    parseArguments(args, [], 0);
    const { result: kid, server } = await changeKeys(world, (path) => rotateKeyFile(path, world.now));
    const since =
      server === null ? 'from the next start on; no server is running' : `by ${server} from now on`;
    await print(
      world.stdout,
      `New tokens are signed with key ${kid} ${since}. Those of older keys stay valid.\n`,
    );
    return 0;
  },
};

export const retireKeys: Command = {
  name: 'keys retire',
  parameters: { '<kid>': 'the id of a key that no longer signs; `jot keys list` shows them' },
  summary: 'refuse all tokens that were signed with that key',
  details: `
Takes the key out of the key file for good. Users whose tokens are all of that
key have to sign in again; a running server refuses those tokens at once. The
key that signs cannot be retired: rotate first.`,
  async run(world, args) {
    // No option is known here, and a kid may begin with a dash.
    const [kid, ...surplus] = args[0] === '--' ? args.slice(1) : args;
    if (kid === undefined) throw new UsageError('a kid is missing; `jot keys list` shows them');
    if (surplus.length > 0) throw new UsageError('one key is retired at a time');
    const { server } = await changeKeys(world, (path) => retireKey(path, kid));
    const since =
      server === null ? 'from the next start on; no server is running' : `by ${server} from now on`;
    await print(world.stdout, `Key ${kid} is gone. Tokens that were signed with it are refused ${since}.\n`);
    return 0;
  },
};

function keyFileOf(world: World): string {
  const { secrets, databaseUrl } = parseConfig(world.settings);
  if (secrets.length > 0) {
    throw new JotError(
      'unavailable',
      'JWT_SECRET_KEY is set, so no key file is in use: the keys are changed in that setting, and with a restart',
    );
  }
  serverDataFile(world);
  const path = keyFilePath(databaseUrl);
  if (path === null) throw new JotError('unavailable', 'A store in memory has no key file');
  return path;
}

// Read, changed and written in one turn: of two rotations at once, neither may write over the other's new key.
async function changeKeys<T>(
  world: World,
  change: (path: string) => Promise<T>,
): Promise<{ result: T; server: string | null }> {
  const path = keyFileOf(world);
  await listKeyFile(path);
  // A server that will not read the file again is better known before it is changed.
  await askServer(serverDataFile(world), 'keys list');
  const realPath = await withoutLinks(path);
  return inTurn(realPath, async () => {
    const result = await change(realPath);
    const reply = await askServer(serverDataFile(world), 'keys reload').catch(untold);
    if (reply !== null) requireSame(reply, await listKeyFile(realPath));
    reportWhere(world, { kind: 'key', path, server: reply?.server ?? null });
    return { result, server: reply?.server ?? null };
  });
}

function requireSame({ answer }: Reply, records: readonly KeyRecord[]): void {
  const { kids } = validate(keysInUse, answer);
  if (!isSame(kids, records)) untold(new Error('it reads another key file'));
}

function untold({ message }: Error): never {
  throw new JotError(
    'unavailable',
    `The key file is changed, but the running server goes on with the keys it has: ${message}`,
  );
}

function isSame(kids: readonly string[], records: readonly KeyRecord[]): boolean {
  return kids.length === records.length && records.every(({ kid }, index) => kid === kids[index]);
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
    const untilMs = replaced + TELLING_MS_MAX + lifetimeMs + leewayMs;
    return `${timeText(untilMs)}${untilMs <= nowMs ? ', past' : ''}`;
  };
  const since = replaced === null ? 'no' : `until ${timeText(replaced)}`;
  return [kid, timeText(created), since, until(expirationMs), until(refreshExpirationMs)];
}

// The file is what the next start uses; a server that could not be told goes on with what it read.
async function differenceFrom(records: readonly KeyRecord[], world: World): Promise<string | null> {
  try {
    const reply = await askServer(serverDataFile(world), 'keys list');
    if (reply === null) return null;
    const { kids } = validate(keysInUse, reply.answer);
    if (isSame(kids, records)) return null;
    return `${reply.server} uses other keys than the file has, until it is restarted: ${kids.join(', ')}`;
  } catch (error) {
    if (!(error instanceof JotError)) throw error;
    return `the running server does not tell which keys it uses: ${error.message}`;
  }
}
