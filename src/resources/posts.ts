// Posts: everything under /users/:user_id/posts belongs to that user alone.

import { type Endpoint, endpoint, json, owner } from '../api/endpoint.ts';
import { listQuery, nextPath, withinLength } from '../api/paging.ts';
import { JotError } from '../lib/errors.ts';
import type { Page } from '../lib/page.ts';
import { type Infer, id, object, page, partial, type Type, text, timestamp } from '../schema/schema.ts';
import type { Id, Post, User } from '../store/collections.ts';
import type { Store } from '../store/store.ts';
import { stillSignedIn } from './sessions.ts';

const TITLE_LENGTH_MAX = 200;

/** What its user says of a post. */
export const postFields = object({
  title: text({ min: 1, max: TITLE_LENGTH_MAX, example: 'First' }),
  body: text({ description: 'Any text; may be empty.', example: 'Hello' }),
});

export const postType = object({
  id: id(),
  title: postFields.fields.title,
  body: postFields.fields.body,
  created: timestamp(),
  updated: timestamp(),
  user: object({ id: id(), username: text({ example: 'matt' }) }),
});

/** A post with its user, as answers show it. */
export type PostOfUser = Post & { readonly user: User };

export interface PostsOptions {
  readonly store: Store;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const group = 'posts';
const listPath = '/users/:user_id/posts';
const postPath = '/users/:user_id/posts/:id';
const listParams = object({ user_id: id({ description: "The user's id." }) });
const postParams = object({ user_id: id({ description: "The user's id." }), id: id() });
const access = owner('user_id');

export function posts(options: PostsOptions): Endpoint[] {
  return [
    list(options),
    create(options),
    read(options),
    write(options, 'PUT', 'Replace a post', postFields),
    write(options, 'PATCH', 'Change a post', partial(postFields)),
    remove(options),
  ];
}

function list({ store }: PostsOptions): Endpoint {
  return endpoint({
    method: 'GET',
    path: listPath,
    group,
    summary: 'List your posts',
    access,
    params: listParams,
    query: listQuery,
    status: 200,
    response: json(page(postType)),
    cacheKey: async ({ principal }) =>
      `${principal.user.version} ${await store.posts.revision(principal.user.id)}`,
    handle: ({ principal, query }) => postsOf(store, principal.user, query),
    next: (found, { params, query }) => nextPath(postsPath(params.user_id), query, found),
  });
}

function create({ store, now }: PostsOptions): Endpoint {
  return endpoint({
    method: 'POST',
    path: listPath,
    group,
    summary: 'Write a post',
    access,
    params: listParams,
    body: postFields,
    status: 201,
    response: json(postType),
    async handle({ principal, body }) {
      const { user } = principal;
      const created = now();
      const values = { user_id: user.id, created, updated: created, ...body };
      const post = await store.posts.create(values, { guards: [stillSignedIn(principal)] });
      return withUser(post, user);
    },
    location: (post) => `${postsPath(post.user_id)}/${post.id}`,
  });
}

function read({ store }: PostsOptions): Endpoint {
  return endpoint({
    method: 'GET',
    path: postPath,
    group,
    summary: 'Read a post',
    access,
    params: postParams,
    status: 200,
    response: json(postType),
    async handle({ principal: { user }, params }) {
      const post = requireOwn(await store.posts.find(params.id), user);
      return withUser(post, user);
    },
    version: (post) => post.version,
    fingerprint: ({ id: postId, version, user }) => `${postId} ${version} ${user.version}`,
  });
}

function write(
  { store, now }: PostsOptions,
  method: 'PUT' | 'PATCH',
  summary: string,
  body: Type<Partial<Infer<typeof postFields>>>,
): Endpoint {
  return endpoint({
    method,
    path: postPath,
    group,
    summary,
    access,
    params: postParams,
    body,
    status: 200,
    response: json(postType),
    async handle({ principal, params, body: values, ifVersion }) {
      const { user } = principal;
      requireOwn(await store.posts.find(params.id), user);
      const guarded = { ifVersion, guards: [stillSignedIn(principal)] };
      const post = await store.posts.update(params.id, { ...values, updated: now() }, guarded);
      return withUser(post, user);
    },
  });
}

function remove({ store }: PostsOptions): Endpoint {
  return endpoint({
    method: 'DELETE',
    path: postPath,
    group,
    summary: 'Delete a post',
    access,
    params: postParams,
    status: 204,
    async handle({ principal, params, ifVersion }) {
      const post = requireOwn(await store.posts.find(params.id), principal.user);
      await store.posts.remove(post.id, { ifVersion, guards: [stillSignedIn(principal)] });
    },
  });
}

// Somebody else's post is no different from one that isn't there.
function requireOwn(post: Post | null, user: User): Post {
  if (post?.user_id !== user.id) throw new JotError('not_found', 'There is no such post');
  return post;
}

// Field by field: spreading the post would take longer than all the rest of reading it.
function withUser(
  { id: postId, version, user_id, title, body, created, updated }: Post,
  user: User,
): PostOfUser {
  return { id: postId, version, user_id, title, body, created, updated, user };
}

function textLength({ title, body }: Post): number {
  return title.length + body.length;
}

export function postsPath(userId: Id): string {
  return `/users/${userId}/posts`;
}

/** A page of a user's posts: as many as are asked for, or fewer where they are long. */
export async function postsOf(
  store: Store,
  user: User,
  query: Infer<typeof listQuery>,
): Promise<Page<PostOfUser>> {
  const found = await store.posts.list({ ...query, owner: user.id });
  const { rows, next } = withinLength(found, textLength);
  return { rows: rows.map((post) => withUser(post, user)), next };
}
