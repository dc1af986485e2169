// `jot user`: an operator creates, disables and deletes users, ends their sessions and replaces
// passwords. The command asks for the password and hashes it, and only the hash leaves the process.
// The rules for passwords come from the running server, if there is one. A password is never an
// argument, since arguments are in the shell's history and visible to every process on the machine.

import { hash, parseCost } from '../auth/password.ts';
import { JotError } from '../lib/errors.ts';
import { password, usernameKept, username as usernameType } from '../resources/credentials.ts';
import { type Infer, object, type Type } from '../schema/schema.ts';
import { usernameKey } from '../store/collections.ts';
import { askUnseen, readLine, readOnlyLine } from './ask-unseen.ts';
import { type Command, configOf, counted, dataFileOf, print, UsageError, type World } from './command.ts';
import { askServer, perform, requireFile } from './running-server.ts';
import { shown } from './text-table.ts';
import { check, responseTypes, rulesOf, userRequests } from './user-requests.ts';

const PASSWORD_SOURCE = `Type the password twice at the terminal, which does not show it, or pass it as
one line on standard input: < password.txt. It is never an argument, since other
users of the machine can see arguments.`;

export const createUser: Command = {
  name: 'user create',
  parameters: { '<username>': 'the name to sign in with' },
  summary: 'add a user, on a running server too; asks for the password',
  details: `
The rules are those for signing up.
${PASSWORD_SOURCE}
If no server is running, the command changes the data file, and creates it if it
does not exist.`,
  async run(world, { positionals }) {
    const name = newNameIn(positionals);
    const value = { username: name, password_hash: await newHash(world) };
    const { id, username } = await change(world, 'user create', value, responseTypes.user);
    await print(world.stdout, `${shown(username)} is user ${id}\n`);
  },
};

export const changePassword: Command = {
  name: 'user password',
  parameters: { '<username>': 'the user who gets a new password' },
  summary: 'replace the password of a user, and end all sessions of that user',
  details: `\n${PASSWORD_SOURCE}`,
  async run(world, { positionals }) {
    const name = nameIn(positionals);
    await requireFile(dataFileOf(world, []));
    const value = { username: name, password_hash: await newHash(world) };
    const { id, ...user } = await change(world, 'user password', value, responseTypes.sessions);
    const ended = counted(user.sessions_ended, 'session');
    await print(world.stdout, `${shown(user.username)}, user ${id}, has a new password; ended: ${ended}\n`);
  },
};

export const logoutUser = changeOf(
  'user logout',
  'end all sessions of a user, who keeps the password',
  responseTypes.sessions,
  ({ sessions_ended }) => `is signed out; ended: ${counted(sessions_ended, 'session')}`,
);

export const disableUser = changeOf(
  'user disable',
  'end all sessions of a user and reject logins; the posts and the name are kept',
  responseTypes.sessions,
  ({ sessions_ended }) => `is disabled; ended: ${counted(sessions_ended, 'session')}`,
);

export const enableUser = changeOf(
  'user enable',
  'let a disabled user sign in again, with the same password',
  responseTypes.user,
  () => 'may sign in',
);

export const deleteUser: Command = {
  name: 'user delete',
  parameters: {
    '[--yes]': 'do not ask; needed where there is no terminal',
    '<username>': 'the user to delete',
  },
  summary: 'delete a user with all posts and sessions; asks for the name again, or --yes',
  async run(world, { options, positionals }) {
    const name = nameIn(positionals);
    await requireFile(dataFileOf(world, []));
    if (!options.has('yes')) await requireAgain(world, name);
    const { id, username } = await change(world, 'user delete', { username: name }, responseTypes.user);
    await print(world.stdout, `${shown(username)}, user ${id}, is gone, with all posts and sessions\n`);
  },
};

/** Returns a command that needs only the name of a user. */
function changeOf<T extends Infer<typeof responseTypes.user>>(
  name: string,
  summary: string,
  type: Type<T>,
  outcome: (user: T) => string,
): Command {
  return {
    name,
    parameters: { '<username>': 'the name of the user' },
    summary,
    async run(world, { positionals }) {
      const value = { username: nameIn(positionals) };
      await requireFile(dataFileOf(world, []));
      const user = await change(world, name, value, type);
      await print(world.stdout, `${shown(user.username)}, user ${user.id}, ${outcome(user)}\n`);
    },
  };
}

// Node replaces bytes that are not UTF-8 by U+FFFD, so the user could not type this name anywhere
// else. Other commands accept U+FFFD, since a user may have signed up with it.
function newNameIn([username = '']: readonly string[]): string {
  if (username.includes('\ufffd'))
    throw new JotError('bad_request', 'The username must be UTF-8, and must not contain U+FFFD');
  return check(object({ username: usernameType }), { username }).username;
}

function nameIn([username = '']: readonly string[]): string {
  return check(object({ username: usernameKept }), { username }).username;
}

async function newHash(world: World): Promise<string> {
  const request = { name: 'user rules', type: responseTypes.rules };
  const served = await askServer(dataFileOf(world, []), request);
  const { password_length_min, password_cost } = served?.response ?? rulesOf(configOf(world));
  const cost = parseCost(password_cost);
  if (cost === null)
    throw new JotError('unavailable', 'The PASSWORD_COST of the running server is not valid');
  const typed = { password: await newPassword(world) };
  return hash(check(object({ password: password(password_length_min) }), typed).password, cost);
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

function change<T>(world: World, name: string, value: unknown, type: Type<T>): Promise<T> {
  return perform(world, dataFileOf(world, []), { name, value, type }, async (store, log) =>
    userRequests({ ...configOf(world), store, now: world.now, log })[name]?.(value),
  );
}
