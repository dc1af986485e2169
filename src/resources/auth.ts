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
import { refreshSession, type SessionsOptions, startSession } from './sessions.ts';
import { userState, userType, withPosts } from './users.ts';

export interface AuthOptions extends SessionsOptions {
  readonly tokens: Tokens;
  readonly passwords: Passwords;
  readonly loginGuard: LoginGuard;
  readonly expirationMs: number;
  /** The scheme that the tokens are for. */
  readonly tokenType: string;
}

// Whatever is wrong with credentials gets the one answer, so nothing about them is checked on the way in.
const credentials = object({
  username: lenient(text({ normalize: 'NFC', example: 'matt' })),
  password: lenient(password(0)),
});

const tokenPair = object({
  access_token: text({ description: 'For the `Authorization` header.' }),
  refresh_token: text({ description: 'Buys the next pair, once.' }),
  token_type: text({ example: 'JWT' }),
  expires_in: integer({ description: 'Seconds until the access token expires.', example: 300 }),
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
    try {
      const user = await check(given.password, await store.users.findBy('username', name));
      const session = user === null ? null : await startIfUnchanged(user, client);
      if (session === null) throw new JotError('invalid_credentials', 'Invalid credentials');
      attempt.forgive();
      return session;
    } catch (error) {
      const isFailedLogin = error instanceof JotError && error.code === 'invalid_credentials';
      if (!isFailedLogin) attempt.forgive();
      throw error;
    }
  }

  // A password that can't be anybody's is refused without hashing it, whoever was named.
  async function check(given: string | undefined, user: User | null): Promise<User | null> {
    if (given === undefined) return null;
    const { ok, stale } = await passwords.verify(given, user?.password_hash ?? null);
    if (!ok || user === null) return null;
    if (stale) await rehash(user, given);
    return user;
  }

  // The password stays the same one, so the version does too.
  async function rehash(user: User, given: string): Promise<void> {
    const password_hash = await passwords.hash(given);
    const update = { update: 'users', id: user.id, change: { password_hash }, keepVersion: true } as const;
    await orNullIfChanged(store.write([{ ...update, ifVersion: user.version }]));
  }

  // A login that began before a password change must not outlast it.
  function startIfUnchanged(user: User, client: Client): Promise<Session | null> {
    return orNullIfChanged(startSession(options, user, client));
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

async function orNullIfChanged<T>(write: Promise<T>): Promise<T | null> {
  try {
    return await write;
  } catch (error) {
    const isChanged =
      error instanceof JotError && (error.code === 'precondition_failed' || error.code === 'not_found');
    if (isChanged) return null;
    throw error;
  }
}
