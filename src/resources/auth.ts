// Signing in, staying signed in, signing out.

import { anyone, anyUser, type Client, type Endpoint, endpoint, json } from '../api/endpoint.ts';
import { listQuery, nextPath } from '../api/paging.ts';
import { JwtError } from '../auth/jwt.ts';
import type { Passwords } from '../auth/passwords.ts';
import type { RefreshToken, Tokens } from '../auth/tokens.ts';
import { addressKey } from '../http/address.ts';
import { JotError } from '../lib/errors.ts';
import type { LoginGuard } from '../limit/login-guard.ts';
import { type Infer, integer, lenient, object, text } from '../schema/schema.ts';
import { type Session, type User, usernameKey } from '../store/collections.ts';
import { password } from './credentials.ts';
import { postsPath } from './posts.ts';
import { orNullIfChanged, refreshSession, type SessionsOptions, startSession } from './sessions.ts';
import { userState, userType, withPosts } from './users.ts';

export interface AuthOptions extends SessionsOptions {
  readonly tokens: Tokens;
  readonly passwords: Passwords;
  readonly loginGuard: LoginGuard;
  readonly expirationMs: number;
  /** The scheme that the tokens are for. */
  readonly tokenType: string;
}

const START_TRIES_MAX = 5;

// Whatever is wrong with credentials gets the one answer, so nothing about them is checked on the way in.
const credentials = object({
  username: lenient(text({ normalize: 'NFC', example: 'matt' })),
  password: lenient(password(0)),
});

const tokenPair = object({
  access_token: text({ description: 'For the `Authorization` header.' }),
  refresh_token: text({ description: 'Buys the next pair, once.' }),
  token_type: text({ example: 'JWT' }),
  expires_in: integer({ min: 0, description: 'Seconds until the access token expires.', example: 300 }),
});

export function auth(options: AuthOptions): Endpoint[] {
  const { store, tokens, passwords, loginGuard, expirationMs, tokenType } = options;
  const group = 'auth';

  return [
    endpoint({
      method: 'POST',
      path: '/auth',
      group,
      summary: 'Sign in',
      access: anyone,
      limit: 'default and auth',
      body: credentials,
      status: 200,
      failures: ['invalid_credentials'],
      answer: json(tokenPair),
      secret: true,
      handle: async ({ body, client }) => pair(await signIn(body, client), true),
    }),

    endpoint({
      method: 'GET',
      path: '/auth',
      group,
      summary: 'Read whom the token speaks for',
      access: anyUser,
      query: listQuery,
      status: 200,
      answer: json(userType),
      handle: ({ principal, query }) => withPosts(store, principal.user, query),
      next: (user, { query }) => nextPath(postsPath(user.id), query, user.posts),
      state: (user) => userState(user),
    }),

    endpoint({
      method: 'POST',
      path: '/auth/refresh',
      group,
      summary: 'Trade a refresh token for a new pair',
      access: anyone,
      limit: 'default and auth',
      body: object({ refresh_token: text() }),
      status: 200,
      failures: ['invalid_token'],
      answer: json(tokenPair),
      secret: true,
      handle: async ({ body }) => pair(await refreshSession(options, read(body.refresh_token)), false),
    }),

    endpoint({
      method: 'POST',
      path: '/auth/logout',
      group,
      summary: 'Sign out: end this session',
      access: anyUser,
      status: 204,
      handle: ({ principal }) => store.write([{ discard: 'sessions', id: principal.session.id }]),
    }),
  ];

  async function signIn(given: Infer<typeof credentials>, client: Client): Promise<Session> {
    const name = usernameKey(given.username ?? '');
    const attempt = loginGuard.attempt(name, addressKey(client.address));
    const user = await check(given.password, await store.users.findBy('username', name)).catch((error) => {
      attempt.forgive();
      throw error;
    });
    if (user === null) {
      attempt.fail();
      throw invalidCredentials();
    }
    // The password was right: whatever happens now, it was no guess.
    attempt.forgive();
    const session = await startIfUnchanged(user, client);
    if (session === null) throw invalidCredentials();
    return session;
  }

  // A password that can't be anybody's is refused without hashing it, whoever was named.
  async function check(given: string | undefined, user: User | null): Promise<User | null> {
    if (given === undefined) return null;
    const { ok, stale } = await passwords.verify(given, user?.password_hash ?? null);
    if (!ok || user === null) return null;
    return stale ? rehash(user, given) : user;
  }

  // The password stays the same one, so the version does too. If somebody was faster, that is settled by what they made of it.
  async function rehash(user: User, given: string): Promise<User> {
    const password_hash = await passwords.hash(given);
    const options = { keepVersion: true, ifVersion: user.version };
    return (await orNullIfChanged(store.users.update(user.id, { password_hash }, options))) ?? user;
  }

  // A login that began before a password change must not outlast it. A new name in the meantime is no reason to fail.
  async function startIfUnchanged(user: User, client: Client): Promise<Session | null> {
    let current: User | null = user;
    for (
      let attempt = 0;
      attempt < START_TRIES_MAX && current?.password_hash === user.password_hash;
      attempt++
    ) {
      const session = await orNullIfChanged(startSession(options, current, client));
      if (session !== null) return session;
      current = await store.users.find(user.id);
    }
    return null;
  }

  function read(token: string): RefreshToken {
    try {
      return tokens.readRefresh(token);
    } catch (error) {
      if (error instanceof JwtError) throw new JotError('invalid_token', error.message);
      throw error;
    }
  }

  function pair(session: Session, fresh: boolean): Infer<typeof tokenPair> {
    return {
      access_token: tokens.access(session, fresh),
      refresh_token: tokens.refresh(session),
      token_type: tokenType,
      expires_in: Math.round(expirationMs / 1000),
    };
  }
}

function invalidCredentials(): JotError {
  return new JotError('invalid_credentials', 'Invalid credentials');
}
