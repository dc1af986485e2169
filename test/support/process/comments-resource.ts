// A resource that Jot does not have, as somebody would add it: comments on one's posts. It is text, since it fits only
// into a copy of the source.

/** One place in an existing file where lines are added: behind the line that begins like this. */
export interface Addition {
  readonly file: string;
  readonly behind: string;
  readonly lines: readonly string[];
  readonly reason: string;
}

export const additions: readonly Addition[] = [
  {
    file: 'store/collections.ts',
    behind: "export type { Entity, Id } from './declaration.ts';",
    lines: [
      '',
      'const comments = collection({',
      "  owner: { collection: 'posts', field: 'post_id' },",
      '  fields: {',
      "    post_id: { kind: 'integer' },",
      "    text: { kind: 'text' },",
      "    created: { kind: 'time' },",
      '  },',
      '});',
    ],
    reason: 'the declaration',
  },
  {
    file: 'store/collections.ts',
    behind: 'const declared = {',
    lines: ['  comments,'],
    reason: 'its name',
  },
  {
    file: 'app.ts',
    behind: "import { auth } from './resources/auth.ts';",
    lines: ["import { comments } from './resources/comments.ts';"],
    reason: 'the import',
  },
  {
    file: 'app.ts',
    behind: '    ...posts(',
    lines: ['    ...comments({ store, now }),'],
    reason: 'the line',
  },
];

export const newFile = {
  path: 'resources/comments.ts',
  source: `// Comments on one's own posts.

import { type Endpoint, endpoint, owner } from '../api/endpoint.ts';
import { listQuery, nextPath } from '../api/paging.ts';
import { id, object, page, text, timestamp } from '../schema/schema.ts';
import type { Store } from '../store/store.ts';

const fields = object({ text: text({ min: 1, max: 100 }) });
const commentType = object({ id: id(), text: fields.fields.text, created: timestamp() });

export interface CommentsOptions {
  readonly store: Store;
  readonly now: () => number;
}

export function comments({ store, now }: CommentsOptions): Endpoint[] {
  const path = '/users/:user_id/posts/:post_id/comments';
  const params = object({ user_id: id(), post_id: id() });
  const access = owner('user_id', { post_id: 'posts' });
  const common = { path, group: 'comments', access, params } as const;

  return [
    endpoint({
      ...common,
      method: 'GET',
      summary: 'List the comments',
      query: listQuery,
      response: page(commentType),
      cacheKey: async ({ parents }) => String(await store.comments.revision(parents.post_id.id)),
      handle: ({ query, parents }) => store.comments.list({ ...query, owner: parents.post_id.id }),
      next: (found, { params, query }) =>
        nextPath(\`/users/\${params.user_id}/posts/\${params.post_id}/comments\`, query, found),
    }),

    endpoint({
      ...common,
      method: 'POST',
      summary: 'Write a comment',
      body: fields,
      status: 201,
      response: commentType,
      handle: ({ body, parents }) =>
        store.comments.create({ ...body, post_id: parents.post_id.id, created: now() }),
      location: ({ id }, { params }) =>
        \`/users/\${params.user_id}/posts/\${params.post_id}/comments/\${id}\`,
    }),
  ];
}
`,
};
