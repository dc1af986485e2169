// Signing in: exchanges a username and password for a session. All wrong credentials get the same
// response after the same work, so that the response does not reveal whether the user exists.

import type { Client } from '../api/endpoint.ts';
import type { PasswordHasher } from '../auth/password-hasher.ts';
import { addressKey, siteKey } from '../http/address.ts';
import { JotError } from '../lib/errors.ts';
import type { LoginGuard } from '../limit/login-guard.ts';
import { type Infer, lenient, object } from '../schema/schema.ts';
import { byUsername, type Session, type User, usernameKey } from '../store/collections.ts';
import { password as passwordType, usernameGiven } from './credentials.ts';
import { orNullIfChanged, type SessionsOptions, startSession, type VerifiedUser } from './sessions.ts';

const START_TRIES_MAX = 5;

// Fields of any type are accepted, since all wrong credentials get the same response.
export const credentials = object({
  username: lenient(usernameGiven),
  password: lenient(passwordType(0)),
});

export interface SignInOptions extends SessionsOptions {
  readonly passwords: PasswordHasher;
  readonly loginGuard: LoginGuard;
}

/**
 * Checks credentials and starts a session.
 *
 * @throws JotError `invalid_credentials`, `rate_limited`, `unavailable`.
 */
export async function signIn(
  options: SignInOptions,
  { username, password }: Infer<typeof credentials>,
  client: Client,
): Promise<Session> {
  // A password that is invalid for every user is rejected without hashing. It does not charge the
  // guard either: each of the guard's buckets must cost an attacker a hash, or a flood of names
  // would fill its memory.
  if (password === undefined) throw invalidCredentials();
  const name = usernameKey(username ?? '');
  const found = await options.store.users.findBy(...byUsername(username ?? ''));
  const attempt = options.loginGuard.attempt(name, addressKey(client.address), found?.id ?? null);
  let verified = await verify(options, found, password, client).catch((error) => {
    attempt.forgive();
    throw error;
  });
  if (verified === null) {
    attempt.fail();
    throw invalidCredentials();
  }
  // The password was right, so this attempt was not a guess, whatever happens next.
  attempt.succeed();
  for (let tries = 0; tries < START_TRIES_MAX && verified !== null; tries++) {
    const session: Session | null = await orNullIfChanged(startSession(options, verified, client));
    if (session !== null) return session;
    // The operator has disabled the user, or a concurrent password change must invalidate this
    // login, or a concurrent login has renewed the hash.
    const current = await options.store.users.find(verified.user.id);
    verified = await verify(options, current, password, client);
  }
  throw invalidCredentials();
}

async function verify(
  { passwords }: SignInOptions,
  user: User | null,
  password: string,
  client: Client,
): Promise<VerifiedUser | null> {
  // A disabled user is treated as a missing one: timing must not reveal the right password either.
  const hash = user?.disabled === false ? user.password_hash : null;
  const { ok, renewed } = await passwords.verify(password, hash, siteKey(client.address));
  return ok && user !== null ? { user, renewedHash: renewed } : null;
}

function invalidCredentials(): JotError {
  return new JotError('invalid_credentials', 'Invalid credentials');
}
