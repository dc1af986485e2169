// The used and remaining part of a user's quotas, for `GET /users/:id?limit=0`. A user at a quota
// needs to know what to delete, and a client can warn before that. A response with posts omits the
// usage: with it, the response and its tag would change with every post.

import { listQueryFrom } from '../api/paging.ts';
import { integer, object, optional } from '../schema/schema.ts';
import type { User } from '../store/collections.ts';
import type { Store, Used } from '../store/store.ts';

/** The parameters of a list, which may be empty. */
export const usageQuery = listQueryFrom(0);

const quota = object({ used: integer({ min: 0 }), left: integer({ min: 0 }) });

/** Only present if `limit` is 0. */
export const optionalUsage = { usage: optional(object({ posts: optional(quota), bytes: quota })) };

export async function usageOf(store: Store, { id }: User) {
  const { posts, bytes } = await store.usage(id);
  return { usage: { posts: posts && withLeft(posts), bytes: withLeft(bytes) } };
}

// The operator may have lowered a quota below the amount used.
function withLeft({ used, max }: Used) {
  return { used, left: Math.max(0, max - used) };
}
