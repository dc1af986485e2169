// `jot user`: adding, deleting and helping users without being one of them, on a running server or on its data file. The
// password is asked for and hashed here, and only the hash goes on; but where a server runs, its settings are the ones that say
// what will do. It is never an argument: those are in the shell's history, and every process on the machine may read them.

import { stat } from 'node:fs/promises';
import { hash, parseCost } from '../auth/password.ts';
import { parseConfig } from '../config.ts';
import { JotError } from '../lib/errors.ts';
import { ignoreMissing } from '../lib/file-access.ts';
import { createLog } from '../lib/log.ts';
import { password, username } from '../resources/credentials.ts';
import { object, type Type, validate } from '../schema/schema.ts';
import { usernameKey } from '../store/collections.ts';
import { explained } from '../store/file/data-path.ts';
import { openStore } from '../store/open.ts';
import { askUnseen, readLine, readOnlyLine } from './ask-unseen.ts';
import {
  type Command,
  counted,
  PASSWORD_SOURCE,
  parseArguments,
  print,
  UsageError,
  type World,
} from './command.ts';
import { withProgress } from './progress.ts';
import { askServer, reportWhere, serverDataFile } from './running-server.ts';
import { shown } from './text-table.ts';
import { check, responseTypes, rulesOf, userRequests } from './user-requests.ts';

export const createUser: Command = {
  name: 'user create',
  parameters: { '<username>': 'the name to sign in with' },
  summary: 'add a user, on a running server too; asks for the password',
  details: `
The rules are those for signing up.
${PASSWORD_SOURCE}
A running server adds the user at once; without one the data file is changed,
and made if it is not there.`,
  async run(world, args) {
    const { name } = nameIn(args, []);
    const password_hash = await newHash(world);
    const { id, username } = await perform(
      world,
      'user create',
      { username: name, password_hash },
      responseTypes.user,
    );
    await print(world.stdout, `${shown(username)} is user ${id}\n`);
    return 0;
  },
};

export const changePassword: Command = {
  name: 'user password',
  parameters: { '<username>': 'whose password it is' },
  summary: 'give a user another password, and end all sessions of that user',
  details: `
${PASSWORD_SOURCE}
A running server does it at once; without one the data file is changed.`,
  async run(world, args) {
    const { name } = nameIn(args, []);
    await requireStore(world);
    const password_hash = await newHash(world);
    const given = { username: name, password_hash };
    const { id, ...user } = await perform(world, 'user password', given, responseTypes.password);
    const ended = counted(user.sessions_ended, 'session', 'sessions');
    await print(world.stdout, `${shown(user.username)}, user ${id}, has a new password; ended: ${ended}\n`);
    return 0;
  },
};

export const deleteUser: Command = {
  name: 'user delete',
  parameters: {
    '[--yes]': 'do not ask; needed where there is no terminal',
    '<username>': 'the user to delete',
  },
  summary: 'delete a user with all posts and sessions; asks for the name again, or --yes',
  details: `
At the terminal the username has to be typed once more. The user, the posts and
the sessions are gone for good, and the id is not given out again. A running
server does it at once; without one the data file is changed.`,
  async run(world, args) {
    const { name, options } = nameIn(args, ['yes']);
    await requireStore(world);
    if (!options.has('yes')) await requireAgain(world, name);
    const { id, username } = await perform(world, 'user delete', { username: name }, responseTypes.user);
    await print(world.stdout, `${shown(username)}, user ${id}, is gone, with all posts and sessions\n`);
    return 0;
  },
};

// What is too much may be a password, so it is not repeated.
function nameIn(args: readonly string[], known: readonly string[]) {
  const { options, positionals } = parseArguments(args, known, Number.POSITIVE_INFINITY);
  const [given, ...surplus] = positionals;
  if (given === undefined) throw new UsageError('a username is missing');
  if (surplus.length > 0) {
    throw new UsageError(
      'there is one argument too many; a password is typed at the terminal or read from standard input',
    );
  }
  const { username: name } = check(object({ username }), { username: given });
  return { name, options };
}

async function newHash(world: World): Promise<string> {
  const reply = await askServer(serverDataFile(world), 'user rules');
  const rules = reply === null ? rulesOf(parseConfig(world.settings)) : reply.answer;
  const { password_length_min, password_cost } = validate(responseTypes.rules, rules);
  const cost = parseCost(password_cost);
  if (cost === null) throw new JotError('unavailable', 'The server gave a PASSWORD_COST that makes no sense');
  const given = { password: await newPassword(world) };
  const checked = check(object({ password: password(password_length_min) }), given);
  return hash(checked.password, cost);
}

async function newPassword({ stdin, stderr }: World): Promise<string> {
  if (!stdin.isTTY) {
    const line = await readOnlyLine(stdin);
    if (line !== '') return line;
    throw new JotError('bad_request', 'There is no password on standard input; nothing was changed');
  }
  const [first = '', again] = await askUnseen({ stdin, stderr }, ['Password: ', 'Once more: ']);
  if (first === again) return first;
  throw new JotError('bad_request', 'The two passwords differ; nothing was changed');
}

async function requireAgain({ stdin, stderr }: World, name: string): Promise<void> {
  if (!stdin.isTTY) throw new UsageError('without a terminal to ask at, a user is deleted only with --yes');
  stderr.write(`Everything of ${shown(name)} will be gone. Type the username to go on: `);
  const typed = await readLine(stdin);
  if (usernameKey(typed) !== usernameKey(name)) {
    throw new JotError('bad_request', 'That is another name; nothing was deleted');
  }
}

// Opening would make one.
async function requireStore(world: World): Promise<void> {
  const path = serverDataFile(world);
  await explained('find', path, () => stat(path));
}

/** Has it done by the running server, or else does it here, and says which. */
async function perform<T>(world: World, request: string, value: unknown, answerType: Type<T>): Promise<T> {
  const path = serverDataFile(world);
  const reply = await askServer(path, request, value);
  const isNew = reply === null && (await isMissing(path));
  const answer = reply === null ? await performHere(world, path, request, value) : reply.answer;
  reportWhere(world, { kind: 'data', path, server: reply?.server ?? null, isNew });
  return validate(answerType, answer);
}

async function isMissing(path: string): Promise<boolean> {
  return (await stat(path).catch(ignoreMissing)) === undefined;
}

async function performHere(world: World, path: string, request: string, value: unknown): Promise<unknown> {
  const { settings, now } = world;
  const config = parseConfig(settings);
  const store = await withProgress(world, `reading ${path}`, (onProgress) =>
    openStore(`file:${path}`, { now, onProgress }),
  );
  const log = createLog({ format: 'off', write: () => undefined, now });
  try {
    return await userRequests({ ...config, store, now, log })[request]?.(value);
  } finally {
    await store.close();
  }
}
