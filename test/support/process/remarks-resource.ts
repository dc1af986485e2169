// A resource that Jot does not have, as somebody would add it: remarks on one's posts. It is text, since it fits only
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
      'const remarks = collection({',
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
    lines: ['  remarks,'],
    reason: 'its name',
  },
  {
    file: 'app.ts',
    behind: "import { auth } from './resources/auth.ts';",
    lines: ["import { remarks } from './resources/remarks.ts';"],
    reason: 'the import',
  },
  {
    file: 'app.ts',
    behind: '    ...posts(',
    lines: ['    ...remarks({ store, now }),'],
    reason: 'the line',
  },
];

export const newFile = {
  path: 'resources/remarks.ts',
  source: `// Remarks on one's own posts.

import { type Endpoint, endpoint, owner } from '../api/endpoint.ts';
import { listQuery, nextPath } from '../api/paging.ts';
import { id, object, page, text, timestamp } from '../schema/schema.ts';
import type { Store } from '../store/store.ts';

const fields = object({ text: text({ min: 1, max: 100 }) });
const commentType = object({ id: id(), text: fields.fields.text, created: timestamp() });

export interface RemarksOptions {
  readonly store: Store;
  readonly now: () => number;
}

export function remarks({ store, now }: RemarksOptions): Endpoint[] {
  const path = '/users/:user_id/posts/:post_id/remarks';
  const params = object({ user_id: id(), post_id: id() });
  const access = owner('user_id', { post_id: 'posts' });
  const common = { path, group: 'remarks', access, params } as const;

  return [
    endpoint({
      ...common,
      method: 'GET',
      summary: 'List the remarks',
      query: listQuery,
      response: page(commentType),
      cacheKey: async ({ parents }) => String(await store.remarks.revision(parents.post_id.id)),
      handle: ({ query, parents }) => store.remarks.list({ ...query, owner: parents.post_id.id }),
      next: (found, { params, query }) =>
        nextPath(\`/users/\${params.user_id}/posts/\${params.post_id}/remarks\`, query, found),
    }),

    endpoint({
      ...common,
      method: 'POST',
      summary: 'Write a remark',
      body: fields,
      status: 201,
      response: commentType,
      handle: ({ body, parents }) =>
        store.remarks.create({ ...body, post_id: parents.post_id.id, created: now() }),
      location: ({ id }, { params }) =>
        \`/users/\${params.user_id}/posts/\${params.post_id}/remarks/\${id}\`,
    }),
  ];
}
`,
};
