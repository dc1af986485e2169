// Signing in: a name and a password become a session, or one and the same refusal whatever is wrong.

import type { Client } from '../api/endpoint.ts';
import { type Cost, costOf, formatCost } from '../auth/password.ts';
import type { PasswordHasher } from '../auth/password-hasher.ts';
import { addressKey } from '../http/address.ts';
import { JotError } from '../lib/errors.ts';
import type { Page } from '../lib/page.ts';
import type { LoginGuard } from '../limit/login-guard.ts';
import { type Infer, lenient, object } from '../schema/schema.ts';
import { type Session, type User, usernameKey } from '../store/collections.ts';
import type { Store } from '../store/store.ts';
import { password, usernameGiven } from './credentials.ts';
import { orNullIfChanged, type SessionsOptions, startSession } from './sessions.ts';

const START_TRIES_MAX = 5;
const PAGE_LIMIT = 1_000;

// Whatever is wrong with credentials gets the one answer, so nothing about them is checked on the way in.
export const credentials = object({
  username: lenient(usernameGiven),
  password: lenient(password(0)),
});

export interface SignInOptions extends SessionsOptions {
  readonly passwords: PasswordHasher;
  readonly loginGuard: LoginGuard;
}

/**
 * Checks credentials and starts a session.
 *
 * @throws JotError `invalid_credentials`, `too_many_requests`, `unavailable`.
 */
export async function signIn(
  options: SignInOptions,
  given: Infer<typeof credentials>,
  client: Client,
): Promise<Session> {
  // A password that can't be anybody's is refused without hashing it, whoever was named. It is no guess, and must not cost the
  // guard a bucket: those take a hash each, so that a flood of names can't fill its memory.
  if (given.password === undefined) throw invalidCredentials();
  const name = usernameKey(given.username ?? '');
  const found = await options.store.users.findBy('username', name);
  // Another password, or name, makes another account of it.
  const account = found && `${found.id}.${found.version}`;
  const attempt = options.loginGuard.attempt(name, addressKey(client.address), account);
  const user = await check(options, found, given.password).catch((error) => {
    attempt.forgive();
    throw error;
  });
  if (user === null) {
    attempt.fail();
    throw invalidCredentials();
  }
  // The password was right: whatever happens now, it was no guess.
  attempt.succeed();
  const session = await startIfUnchanged(options, user, client);
  if (session === null) throw invalidCredentials();
  return session;
}

async function check(options: SignInOptions, user: User | null, given: string): Promise<User | null> {
  const { ok, renewed } = await options.passwords.verify(given, user?.password_hash ?? null);
  if (!ok || user === null) return null;
  return renewed === null ? user : renew(options, user, renewed);
}

// The password stays the same one, so the version does too. If somebody was faster, that is settled by what they made of it.
async function renew({ store }: SignInOptions, user: User, password_hash: string): Promise<User> {
  const change = store.users.update(
    user.id,
    { password_hash },
    { keepVersion: true, ifVersion: user.version },
  );
  return (await orNullIfChanged(change)) ?? user;
}

// A login that began before a password change must not outlast it. A new name in the meantime is no reason to fail.
async function startIfUnchanged(options: SignInOptions, user: User, client: Client): Promise<Session | null> {
  let current: User | null = user;
  for (
    let attempt = 0;
    attempt < START_TRIES_MAX && current?.password_hash === user.password_hash;
    attempt++
  ) {
    const session = await orNullIfChanged(startSession(options, current, client));
    if (session !== null) return session;
    current = await options.store.users.find(user.id);
  }
  return null;
}

/** The costs at which the users' hashes were made, each once. */
export async function costsInUse({ users }: Store): Promise<Cost[]> {
  const costs = new Map<string, Cost>();
  for (let after: number | null = 0; after !== null; ) {
    const { rows, next }: Page<User> = await users.list({ after, limit: PAGE_LIMIT, order: 'asc' });
    for (const { password_hash } of rows) {
      const cost = costOf(password_hash);
      if (cost !== null) costs.set(formatCost(cost), cost);
    }
    after = next;
  }
  return [...costs.values()];
}

function invalidCredentials(): JotError {
  return new JotError('invalid_credentials', 'Invalid credentials');
}
