// Posts. All paths under /users/:user_id/posts are restricted to that user.

import { type Endpoint, endpoint, owner } from '../api/endpoint.ts';
import { listQuery, nextPath, withinLength } from '../api/paging.ts';
import { JotError } from '../lib/errors.ts';
import { type Infer, id, object, page, partial, type Type, text, timestamp } from '../schema/schema.ts';
import type { Id, Post, User } from '../store/collections.ts';
import type { Store } from '../store/store.ts';
import { stillSignedIn } from './sessions.ts';

const TITLE_LENGTH_MAX = 200;

/** The fields of a post that its user writes. */
export const postFields = object({
  title: text({ min: 1, max: TITLE_LENGTH_MAX, example: 'First' }),
  body: text({ description: 'Any text; may be empty.', example: 'Hello' }),
});

export const postType = object({
  id: id(),
  ...postFields.fields,
  created: timestamp(),
  updated: timestamp(),
  user: object({ id: id(), username: text({ example: 'matt' }) }),
});

export interface PostsOptions {
  readonly store: Store;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const common = { group: 'posts', access: owner('user_id') } as const;
const user_id = id({ description: "The user's id." });
const ofList = { ...common, path: '/users/:user_id/posts', params: object({ user_id }) };
const ofPost = { ...common, path: '/users/:user_id/posts/:id', params: object({ user_id, id: id() }) };

export function posts(options: PostsOptions): Endpoint[] {
  return [
    listPosts(options),
    createPost(options),
    readPost(options),
    updatePost(options, 'PUT', 'Replace a post', postFields),
    updatePost(options, 'PATCH', 'Change a post', partial(postFields)),
    deletePost(options),
  ];
}

function listPosts({ store }: PostsOptions): Endpoint {
  return endpoint({
    ...ofList,
    method: 'GET',
    summary: 'List your posts',
    query: listQuery,
    response: page(postType),
    cacheKey: async ({ principal }) =>
      `${principal.user.version} ${await store.posts.revision(principal.user.id)}`,
    handle: ({ principal, query }) => postsOf(store, principal.user, query),
    next: (found, { params, query }) => nextPath(postsPath(params.user_id), query, found),
  });
}

function createPost({ store, now }: PostsOptions): Endpoint {
  return endpoint({
    ...ofList,
    method: 'POST',
    summary: 'Write a post',
    body: postFields,
    status: 201,
    response: postType,
    async handle({ principal, body }) {
      const { user } = principal;
      const created = now();
      const values = { user_id: user.id, created, updated: created, ...body };
      const post = await store.posts.create(values, { guards: [stillSignedIn(principal)] });
      return { user, ...post };
    },
    location: (post) => `${postsPath(post.user_id)}/${post.id}`,
  });
}

function readPost({ store }: PostsOptions): Endpoint {
  return endpoint({
    ...ofPost,
    method: 'GET',
    summary: 'Read a post',
    response: postType,
    async handle({ principal: { user }, params }) {
      return { user, ...requireOwn(await store.posts.find(params.id), user) };
    },
    version: (post) => post.version,
    fingerprint: ({ id: postId, version, user }) => `${postId} ${version} ${user.version}`,
  });
}

function updatePost(
  { store, now }: PostsOptions,
  method: 'PUT' | 'PATCH',
  summary: string,
  body: Type<Partial<Infer<typeof postFields>>>,
): Endpoint {
  return endpoint({
    ...ofPost,
    method,
    summary,
    body,
    response: postType,
    async handle({ principal, params, body: values, ifVersion }) {
      const { user } = principal;
      requireOwn(await store.posts.find(params.id), user);
      const guarded = { ifVersion, guards: [stillSignedIn(principal)] };
      return { user, ...(await store.posts.update(params.id, { ...values, updated: now() }, guarded)) };
    },
  });
}

function deletePost({ store }: PostsOptions): Endpoint {
  return endpoint({
    ...ofPost,
    method: 'DELETE',
    summary: 'Delete a post',
    async handle({ principal, params, ifVersion }) {
      const post = requireOwn(await store.posts.find(params.id), principal.user);
      await store.posts.remove(post.id, { ifVersion, guards: [stillSignedIn(principal)] });
    },
  });
}

// Another user's post is indistinguishable from one that does not exist.
function requireOwn(post: Post | null, user: User): Post {
  if (post?.user_id !== user.id) throw new JotError('not_found', 'There is no such post');
  return post;
}

export function postsPath(userId: Id): string {
  return `/users/${userId}/posts`;
}

/**
 * Returns a page of a user's posts: as many as the query requests, or fewer if their texts are
 * long.
 */
export async function postsOf(store: Store, user: User, query: Infer<typeof listQuery>) {
  const found = await store.posts.list({ ...query, owner: user.id });
  const { rows, next } = withinLength(found, ({ title, body }) => title.length + body.length);
  // The user comes first: V8 creates a new hidden class for each object that gets a property after
  // a spread.
  return { rows: rows.map((post) => ({ user, ...post })), next };
}
