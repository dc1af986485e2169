// How much a store may hold. Rows live in V8's heap, and a heap that is full ends the process, also
// the next one that opens the same data. So a store refuses writes long before that, and one user
// reaches a quota before the store is full for everybody else. The bounds are plain data, so that
// another engine can enforce them too.

import { heapShare } from '../lib/heap.ts';
import type { CollectionName } from './collections.ts';

export interface Capacity {
  /** Maximum bytes of all rows in memory; default three eighths of V8's heap. */
  readonly bytes: number;
  /** Maximum rows of a collection; default 2^23. */
  readonly rows: number;
  /** Maximum bytes of the rows that a user owns; default no maximum. */
  readonly bytesPerUser: number;
  /** Maximum rows that a user owns, by collection; default no maximum. */
  readonly rowsPerUser: { readonly [name in CollectionName]?: number };
}

// The rest is for requests, responses and their backlog, caches, and garbage. With a heap of 96 MB,
// posts of the least favorable size ended the process above 3/4 (`test/heap.test.ts`).
const HEAP_SHARE = 3 / 8;
// The Map of a unique index ends at 2^24 entries, and counts removed ones until it copies itself. It
// does not copy itself at that size unless half of them have been removed.
const ROWS_MAX = 2 ** 23;

export const DEFAULT_CAPACITY: Capacity = {
  bytes: heapShare(HEAP_SHARE),
  rows: ROWS_MAX,
  bytesPerUser: Number.POSITIVE_INFINITY,
  rowsPerUser: {},
};
