// Users: anyone may sign up and see who is there; the rest of a user is that user's own.

import { anyone, type Endpoint, endpoint, json, owner } from '../api/endpoint.ts';
import { listQuery, nextPath } from '../api/paging.ts';
import type { Principal } from '../api/principal.ts';
import type { PasswordHasher } from '../auth/password-hasher.ts';
import { JotError } from '../lib/errors.ts';
import type { Page } from '../lib/page.ts';
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
import { type User, usernameKey } from '../store/collections.ts';
import type { Operation, Store } from '../store/store.ts';
import { password, username } from './credentials.ts';
import { type PostOfUser, postsOf, postsPath, postType } from './posts.ts';
import { stillSignedIn } from './sessions.ts';

/** A user with a page of posts, as answers show it. */
export type UserWithPosts = User & { readonly posts: Page<PostOfUser> };

export const userType = object({
  id: id(),
  username: text({ example: 'matt' }),
  created: timestamp(),
  posts: page(postType),
});

const firstPage = validate(listQuery, {});

export interface UsersOptions {
  readonly store: Store;
  readonly passwords: PasswordHasher;
  /** In characters. */
  readonly passwordLengthMin: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const group = 'users';
const userPath = '/users/:id';
const params = object({ id: id({ description: "The user's id." }) });
const access = owner('id');

type Credentials = { readonly username: string; readonly password: string };

export function users(options: UsersOptions): Endpoint[] {
  const credentials = object({ username, password: password(options.passwordLengthMin) });
  return [
    signUp(options, '/signup', credentials),
    signUp(options, '/users', credentials),
    list(options),
    read(options),
    write(options, 'PUT', 'Replace your name and password', credentials),
    write(options, 'PATCH', 'Change your name or password', partial(credentials)),
    remove(options),
  ];
}

function signUp({ store, passwords, now }: UsersOptions, path: string, body: Type<Credentials>): Endpoint {
  return endpoint({
    method: 'POST',
    path,
    group,
    summary: 'Sign up',
    access: anyone,
    limits: ['default', 'auth'],
    body,
    status: 201,
    failures: ['conflict'],
    response: json(userType),
    async handle({ body: given }) {
      await requireFree(store, given.username);
      const password_hash = await passwords.hash(given.password);
      const user = await store.users.create({ username: given.username, password_hash, created: now() });
      return withPosts(store, user, firstPage);
    },
    user: ({ id: userId }) => userId,
    location: (user) => `/users/${user.id}`,
  });
}

function list({ store }: UsersOptions): Endpoint {
  return endpoint({
    method: 'GET',
    path: '/users',
    group,
    summary: 'List the users',
    access: anyone,
    query: listQuery,
    status: 200,
    response: json(page(object({ id: id(), username: text({ example: 'matt' }) }))),
    cacheKey: async () => String(await store.users.revision()),
    handle: ({ query }) => store.users.list(query),
    next: (found, { query }) => nextPath('/users', query, found),
  });
}

function read({ store }: UsersOptions): Endpoint {
  return endpoint({
    method: 'GET',
    path: userPath,
    group,
    summary: 'Read yourself, with a page of your posts',
    access,
    params,
    query: listQuery,
    status: 200,
    response: json(userType),
    handle: ({ principal, query }) => withPosts(store, principal.user, query),
    next: (user, { query }) => nextPath(postsPath(user.id), query, user.posts),
    version: (user) => user.version,
    state: (user) => userState(user),
  });
}

function write(
  options: UsersOptions,
  method: 'PUT' | 'PATCH',
  summary: string,
  body: Type<Partial<Credentials>>,
): Endpoint {
  return endpoint({
    method,
    path: userPath,
    group,
    summary,
    access,
    fresh: ['username', 'password'],
    params,
    body,
    status: 200,
    failures: ['conflict'],
    response: json(userType),
    handle: ({ principal, body: values, ifVersion }) => change(options, principal, values, ifVersion),
    next: (user) => nextPath(postsPath(user.id), firstPage, user.posts),
    state: (user) => userState(user),
  });
}

function remove({ store }: UsersOptions): Endpoint {
  return endpoint({
    method: 'DELETE',
    path: userPath,
    group,
    summary: 'Delete yourself, with posts and sessions',
    access,
    fresh: true,
    params,
    status: 204,
    handle: ({ principal, ifVersion }) =>
      store.users.remove(principal.user.id, { ifVersion, guards: [stillSignedIn(principal)] }),
  });
}

// Before the password is hashed: the store looks again, but hashing is dear.
async function requireFree(store: Store, name: string, except?: User): Promise<void> {
  const holder = await store.users.findBy('username', usernameKey(name));
  if (holder !== null && holder.id !== except?.id) throw new JotError('conflict', 'Username already exists');
}

async function change(
  { store, passwords }: UsersOptions,
  principal: Principal,
  { username: name, password: secret }: Partial<Credentials>,
  ifVersion: number | undefined,
): Promise<UserWithPosts> {
  const { user, session } = principal;
  if (name !== undefined) await requireFree(store, name, user);
  const nameChange = name === undefined ? {} : { username: name };
  const passwordChange = secret === undefined ? {} : { password_hash: await passwords.hash(secret) };
  const operations: Operation[] = [
    stillSignedIn(principal),
    { update: 'users', id: user.id, change: { ...nameChange, ...passwordChange }, ifVersion },
  ];
  // Whoever else is signed in may be the reason for the change.
  if (secret !== undefined)
    operations.push({ discardOwned: 'sessions', owner: user.id, exceptId: session.id });
  await store.write(operations);
  return withPosts(store, await store.users.get(user.id), firstPage);
}

/** The user as `GET /users/:id` shows it. */
export async function withPosts(
  store: Store,
  user: User,
  query: Infer<typeof listQuery>,
): Promise<UserWithPosts> {
  return { ...user, posts: await postsOf(store, user, query) };
}

/** A user's own fields; the version stands for the password. */
export function userState({ id: userId, username: name, created, version }: User): string {
  return JSON.stringify([userId, name, created, version]);
}
