// The endpoints for signing in, refreshing tokens and signing out.

import { anyone, anyUser, type Endpoint, endpoint } from '../api/endpoint.ts';
import { listQuery, nextPath } from '../api/paging.ts';
import { JwtError } from '../auth/jwt.ts';
import { type RefreshToken, type Tokens, tokenFailure } from '../auth/tokens.ts';
import { JotError } from '../lib/errors.ts';
import { integer, object, text } from '../schema/schema.ts';
import type { Session } from '../store/collections.ts';
import { postsPath } from './posts.ts';
import { refreshSession } from './sessions.ts';
import { credentials, type SignInOptions, signIn } from './sign-in.ts';
import { userState, userType, withPosts } from './users.ts';

export interface AuthOptions extends SignInOptions {
  readonly tokens: Tokens;
  readonly expirationMs: number;
  /** Schemes of the `Authorization` header; the first is the `token_type`. */
  readonly authPrefixes: readonly string[];
}

const tokenPair = object({
  access_token: text({ description: 'For the `Authorization` header.' }),
  refresh_token: text({ description: 'Buys the next pair, once.' }),
  token_type: text({ example: 'JWT' }),
  expires_in: integer({ min: 0, description: 'Seconds until the access token expires.', example: 300 }),
});

const group = 'auth';
const issue = {
  method: 'POST',
  group,
  access: anyone,
  limits: ['default', 'auth'],
  response: tokenPair,
  secret: true,
} as const;

export function auth(options: AuthOptions): Endpoint[] {
  return [login(options), currentIdentity(options), refresh(options), logout(options)];
}

function login(options: AuthOptions): Endpoint {
  return endpoint({
    ...issue,
    path: '/auth',
    summary: 'Sign in',
    body: credentials,
    failures: ['invalid_credentials'],
    handle: async ({ body, client }) => pair(options, await signIn(options, body, client), true),
    user: ({ user_id }) => user_id,
  });
}

function currentIdentity({ store }: AuthOptions): Endpoint {
  return endpoint({
    method: 'GET',
    path: '/auth',
    group,
    summary: 'Read whom the token speaks for',
    access: anyUser,
    query: listQuery,
    response: userType,
    handle: ({ principal, query }) => withPosts(store, principal.user, query),
    next: (user, { query }) => nextPath(postsPath(user.id), query, user.posts),
    state: (user) => userState(user),
  });
}

function refresh(options: AuthOptions): Endpoint {
  return endpoint({
    ...issue,
    path: '/auth/refresh',
    summary: 'Trade a refresh token for a new pair',
    body: object({ refresh_token: text() }),
    failures: ['token_invalid'],
    handle: async ({ body }) => {
      const token = readRefresh(options.tokens, body.refresh_token);
      return pair(options, await refreshSession(options, token), false);
    },
    user: ({ user_id }) => user_id,
  });
}

function logout({ store }: AuthOptions): Endpoint {
  return endpoint({
    method: 'POST',
    path: '/auth/logout',
    group,
    summary: 'Sign out: end this session',
    access: anyUser,
    handle: ({ principal }) => store.write([{ discard: 'sessions', id: principal.session.id }]),
  });
}

function readRefresh(tokens: Tokens, token: string): RefreshToken {
  try {
    return tokens.readRefresh(token);
  } catch (error) {
    if (!(error instanceof JwtError)) throw error;
    const { code, message } = tokenFailure(error);
    throw new JotError(code, message);
  }
}

function pair({ tokens, authPrefixes, expirationMs }: AuthOptions, session: Session, fresh: boolean) {
  return {
    user_id: session.user_id,
    access_token: tokens.access(session, fresh),
    refresh_token: tokens.refresh(session),
    token_type: authPrefixes[0] ?? '',
    expires_in: Math.round(expirationMs / 1000),
  };
}
