// Users: anyone may sign up and see who is there; the rest of a user is that user's own.

import { anyone, closed, type Endpoint, endpoint, owner } from '../api/endpoint.ts';
import { listQuery, nextPath } from '../api/paging.ts';
import type { PasswordHasher } from '../auth/password-hasher.ts';
import { siteKey } from '../http/address.ts';
import { JotError } from '../lib/errors.ts';
import {
  type Infer,
  id,
  object,
  page,
  partial,
  type Type,
  text,
  timestamp,
  validate,
} from '../schema/schema.ts';
import { byUsername, type User } from '../store/collections.ts';
import type { Operation, Store } from '../store/store.ts';
import { password, username } from './credentials.ts';
import { type PostsOptions, postsOf, postsPath, postType } from './posts.ts';
import { newSession, type SessionsOptions, stillSignedIn } from './sessions.ts';
import { optionalPair, pairOf, type TokenPairOptions } from './token-pair.ts';
import { optionalUsage, usageOf, usageQuery } from './usage.ts';

/** The public fields of a user. */
const publicFields = { id: id(), username: text({ example: 'matt' }) };

export const userType = object({ ...publicFields, created: timestamp(), posts: page(postType) });

const userWithUsage = object({ ...userType.fields, ...optionalUsage });

// After a password change, the tokens of the only session left.
const changedUser = object({ ...userType.fields, ...optionalPair });

const firstPage = validate(listQuery, {});

export interface UsersOptions extends PostsOptions, SessionsOptions, TokenPairOptions {
  readonly passwords: PasswordHasher;
  /** Whether anyone may sign up. */
  readonly signup: boolean;
  /** In characters. */
  readonly passwordLengthMin: number;
}

const group = 'users';
const ofUser = {
  group,
  path: '/users/:id',
  access: owner('id'),
  params: object({ id: id({ description: "The user's id." }) }),
} as const;

export function users(options: UsersOptions): Endpoint[] {
  const fields = userFields(options);
  return [
    signUp(options, '/signup'),
    signUp(options, '/users'),
    listUsers(options),
    readUser(options),
    updateUser(options, 'PUT', 'Replace your name and password', fields),
    updateUser(options, 'PATCH', 'Change your name or password', partial(fields)),
    deleteUser(options),
  ];
}

/** The fields of a user that the user writes. */
function userFields({ passwordLengthMin }: UsersOptions) {
  return object({ username, password: password(passwordLengthMin) });
}

type UserFields = Infer<ReturnType<typeof userFields>>;

function signUp(options: UsersOptions, path: string): Endpoint {
  const { store, passwords, now } = options;
  return endpoint({
    method: 'POST',
    path,
    group,
    summary: 'Sign up',
    access: options.signup ? anyone : closed('signup_closed', 'Sign-up is closed'),
    limits: ['default', 'auth', 'signup'],
    body: userFields(options),
    status: 201,
    failures: ['username_taken'],
    response: userType,
    async handle({ body: { password: secret, ...fields }, client }) {
      await requireFree(store, fields.username);
      const password_hash = await passwords.hash(secret, siteKey(client.address));
      const user = await store.users.create({ password_hash, created: now(), ...fields });
      return withPosts(store, user, firstPage);
    },
    user: ({ id: userId }) => userId,
    location: (user) => `/users/${user.id}`,
  });
}

function listUsers({ store }: UsersOptions): Endpoint {
  return endpoint({
    method: 'GET',
    path: '/users',
    group,
    summary: 'List the users',
    access: anyone,
    query: listQuery,
    response: page(object(publicFields)),
    cacheKey: async () => String(await store.users.revision()),
    handle: ({ query }) => store.users.list(query),
    next: (found, { query }) => nextPath('/users', query, found),
  });
}

function readUser({ store }: UsersOptions): Endpoint {
  return endpoint({
    ...ofUser,
    method: 'GET',
    summary: 'Read yourself, with a page of your posts; with `limit=0`, with your usage',
    query: usageQuery,
    response: userWithUsage,
    async handle({ principal: { user }, query }) {
      const usage = query.limit === 0 ? await usageOf(store, user) : {};
      return { ...(await withPosts(store, user, query)), ...usage };
    },
    next: (user, { query }) => nextPath(postsPath(user.id), query, user.posts),
    version: (user) => user.version,
    state: (user) => userState(user),
  });
}

function updateUser(
  options: UsersOptions,
  method: 'PUT' | 'PATCH',
  summary: string,
  body: Type<Partial<UserFields>>,
): Endpoint {
  const { store, passwords } = options;
  return endpoint({
    ...ofUser,
    method,
    summary,
    // Hashing a password is as expensive here as it is in a login.
    limits: ['default', 'auth'],
    fresh: ['username', 'password'],
    body,
    failures: ['username_taken'],
    response: changedUser,
    secret: true,
    async handle({ principal, body: { password: secret, ...fields }, client, ifVersion }) {
      const { user } = principal;
      if (fields.username !== undefined) await requireFree(store, fields.username, user);
      const site = siteKey(client.address);
      const hashed = secret === undefined ? {} : { password_hash: await passwords.hash(secret, site) };
      const operations: Operation[] = [
        stillSignedIn(principal),
        { update: 'users', id: user.id, change: { ...fields, ...hashed }, ifVersion },
      ];
      // A thief may have the password, or a copy of this session's tokens, so no session survives.
      const session = secret === undefined ? null : newSession(options, user.id, client);
      if (session !== null) {
        operations.push({ discardOwned: 'sessions', owner: user.id });
        operations.push({ create: 'sessions', values: session });
      }
      await store.write(operations);
      const tokens = session === null ? {} : pairOf(options, session, true);
      return { ...(await withPosts(store, await store.users.get(user.id), firstPage)), ...tokens };
    },
    resource: (user) => ('access_token' in user ? userType : undefined),
    next: (user) => nextPath(postsPath(user.id), firstPage, user.posts),
    state: (user) => userState(user),
  });
}

function deleteUser({ store }: UsersOptions): Endpoint {
  return endpoint({
    ...ofUser,
    method: 'DELETE',
    summary: 'Delete yourself, with posts and sessions',
    fresh: true,
    handle: ({ principal, ifVersion }) =>
      store.users.remove(principal.user.id, { ifVersion, guards: [stillSignedIn(principal)] }),
  });
}

// The store checks again. Checking here avoids hashing the password for a name that is taken.
async function requireFree(store: Store, name: string, except?: User): Promise<void> {
  const holder = await store.users.findBy(...byUsername(name));
  if (holder !== null && holder.id !== except?.id)
    throw new JotError('username_taken', 'Username already exists');
}

/** Returns the user as `GET /users/:id` shows it. */
export async function withPosts(store: Store, user: User, query: Infer<typeof listQuery>) {
  return { posts: await postsOf(store, user, query), ...user };
}

/**
 * Returns text that changes whenever one of the user's own fields changes, including the password.
 */
export function userState({ id: userId, version }: User): string {
  return `${userId} ${version}`;
}
