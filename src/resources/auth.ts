// The endpoints for signing in, refreshing tokens and signing out.

import { anyone, anyUser, type Endpoint, endpoint } from '../api/endpoint.ts';
import { listQuery, nextPath } from '../api/paging.ts';
import { JwtError } from '../auth/jwt.ts';
import { type RefreshToken, type Tokens, tokenFailure } from '../auth/tokens.ts';
import { JotError } from '../lib/errors.ts';
import { object, text } from '../schema/schema.ts';
import { postsPath } from './posts.ts';
import { refreshSession } from './sessions.ts';
import { credentials, type SignInOptions, signIn } from './sign-in.ts';
import { pairOf, type TokenPairOptions, tokenPair } from './token-pair.ts';
import { userState, userType, withPosts } from './users.ts';

export type AuthOptions = SignInOptions & TokenPairOptions;

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
    handle: async ({ body, client }) => pairOf(options, await signIn(options, body, client), true),
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
      return pairOf(options, await refreshSession(options, token), false);
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
