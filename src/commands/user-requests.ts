// The requests with which an operator adds, changes, disables and deletes users. A running server
// handles them for a command that connects to its control socket. If no server is running, the
// command calls the same handlers itself. The command hashes the password, by the rules that it
// requests from the server; every value is checked again here.

import { type Cost, costOf, formatCost } from '../auth/password.ts';
import { JotError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { username, usernameKept } from '../resources/credentials.ts';
import { sessionsOf } from '../resources/sessions.ts';
import { type Infer, id, integer, object, type Type, text, validate } from '../schema/schema.ts';
import { byUsername, type User } from '../store/collections.ts';
import type { ControlHandlers, Store } from '../store/store.ts';

export interface UserRequestsOptions {
  readonly store: Store;
  /** Minimum length of a password in characters. */
  readonly passwordLengthMin: number;
  /** The cost that hashes must have. */
  readonly passwordCost: Cost;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
}

const passwordHash = text({
  refine: (value) =>
    costOf(value) === null ? 'must be a scrypt hash in PHC format, with N · r · p of at most 2^21' : null,
});
const whom = object({ username: usernameKept });
const newUser = object({ username, password_hash: passwordHash });
export const userWithHash = object({ username: usernameKept, password_hash: passwordHash });

/** The types of the responses. */
export const responseTypes = {
  rules: object({ password_length_min: integer({ min: 0 }), password_cost: text() }),
  user: object({ id: id(), username: text() }),
  sessions: object({ id: id(), username: text(), sessions_ended: integer({ min: 0 }) }),
};

export function userRequests(options: UserRequestsOptions): ControlHandlers {
  const { store, now, log } = options;
  return {
    async 'user rules'() {
      return rulesOf(options);
    },

    async 'user create'(value) {
      const { username: name, password_hash } = withUsableHash(options, check(newUser, value));
      const user = await store.users.create({ username: name, password_hash, created: now() });
      log.info('the operator added a user', { user: user.id });
      return responseTypes.user.marshal(user);
    },

    async 'user password'(value) {
      const { username: name, password_hash } = withUsableHash(options, check(userWithHash, value));
      const user = await get(store, name);
      const sessions_ended = await liveSessions(options, user);
      // As with a change by the user: the version tells logins under way that they began with the old password.
      await store.write([
        { update: 'users', id: user.id, change: { password_hash }, ifVersion: user.version },
        { discardOwned: 'sessions', owner: user.id },
      ]);
      log.info('the operator changed a password', { user: user.id, sessions_ended });
      return responseTypes.sessions.marshal({ ...user, sessions_ended });
    },

    async 'user logout'(value) {
      const user = await get(store, check(whom, value).username);
      const sessions_ended = await liveSessions(options, user);
      await store.write([{ discardOwned: 'sessions', owner: user.id }]);
      log.info('the operator ended the sessions of a user', { user: user.id, sessions_ended });
      return responseTypes.sessions.marshal({ ...user, sessions_ended });
    },

    async 'user disable'(value) {
      const user = await get(store, check(whom, value).username);
      const sessions_ended = await liveSessions(options, user);
      await store.write([
        { update: 'users', id: user.id, change: { disabled: true } },
        { discardOwned: 'sessions', owner: user.id },
      ]);
      log.info('the operator disabled a user', { user: user.id, sessions_ended });
      return responseTypes.sessions.marshal({ ...user, sessions_ended });
    },

    async 'user enable'(value) {
      const user = await get(store, check(whom, value).username);
      await store.users.update(user.id, { disabled: false });
      log.info('the operator enabled a user', { user: user.id });
      return responseTypes.user.marshal(user);
    },

    async 'user delete'(value) {
      const user = await get(store, check(whom, value).username);
      // Another user may have the name by now.
      await store.users.remove(user.id, { ifVersion: user.version });
      log.info('the operator deleted a user', { user: user.id });
      return responseTypes.user.marshal(user);
    },
  };
}

/** The rules for a password and its hash. */
export function rulesOf({
  passwordLengthMin,
  passwordCost,
}: Pick<UserRequestsOptions, 'passwordLengthMin' | 'passwordCost'>): Infer<typeof responseTypes.rules> {
  return { password_length_min: passwordLengthMin, password_cost: formatCost(passwordCost) };
}

/**
 * Validates a value. All problems are in the message, since the response is a line of text without
 * fields.
 *
 * @throws JotError `validation_failed`.
 */
export function check<T>(type: Type<T>, value: unknown): T {
  try {
    return validate(type, value);
  } catch (error) {
    if (!(error instanceof JotError)) throw error;
    const fields = Object.entries(error.details.fields ?? {});
    const problems = fields.map(([name, problem]) => `"${name || 'value'}" ${problem}`);
    throw new JotError('validation_failed', problems.join('; '));
  }
}

// The time of a login depends on the cost of the hash. So a hash at another cost would reveal which
// usernames exist, until the next start looks up the costs in use.
function withUsableHash({ passwordCost }: UserRequestsOptions, given: Infer<typeof userWithHash>) {
  const cost = costOf(given.password_hash);
  if (cost !== null && formatCost(cost) === formatCost(passwordCost)) return given;
  const wanted = `PASSWORD_COST is ${formatCost(passwordCost)} for the server, and must be for the command`;
  throw new JotError('validation_failed', wanted);
}

async function liveSessions({ store, now }: UserRequestsOptions, user: User): Promise<number> {
  return (await sessionsOf(store, user)).filter(({ expires }) => expires > now()).length;
}

async function get({ users }: Store, name: string): Promise<User> {
  const user = await users.findBy(...byUsername(name));
  if (user === null) throw new JotError('not_found', `There is no user ${JSON.stringify(name)}`);
  return user;
}
