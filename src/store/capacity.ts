// The bounds of a store. Rows live in V8's heap, and V8 ends the process when its heap is full. The
// next process that opens the same data would end too. So a store refuses writes long before that,
// and a user reaches a quota before the store is full for all others. The bounds are plain data, so
// that another engine can enforce them too.

import { heapShare } from '../lib/heap.ts';
import type { CollectionName } from './collections.ts';

export interface Capacity {
  /** Maximum bytes of all rows in memory; default half of V8's heap. */
  readonly bytes: number;
  /** Maximum rows of a collection; default 2^23. */
  readonly rows: number;
  /** Maximum bytes of the rows that a user owns; default no maximum. */
  readonly bytesPerUser: number;
  /** Maximum rows that a user owns, by collection; default no maximum. */
  readonly rowsPerUser: { readonly [name in CollectionName]?: number };
}

// The rest is for requests, responses and their backlog, caches, and garbage. `test/heap.test.ts`
// fills a store with posts of the least favorable size.
const STORE_SHARE = 1 / 2;
// Loading serves no request. Measured: starts with heaps of 32 to 512 MB ended at about 0.9.
const LOADABLE_SHARE = 2 / 3;
// The Map of a unique index ends at 2^24 entries. Removed entries count until V8 copies the table,
// and at that size V8 copies it only if half of the entries have been removed.
const ROWS_MAX = 2 ** 23;

/**
 * Maximum bytes of the rows that a start loads: more than a store accepts by default, since a
 * larger heap may have written the file.
 */
export const LOADABLE_BYTES = heapShare(LOADABLE_SHARE);

/** Maximum value of `Capacity.bytes`; a start must also load the reserve above it (`room.ts`). */
export const STORE_BYTES_LIMIT = heapShare(3 / 5);

export const DEFAULT_CAPACITY: Capacity = {
  bytes: heapShare(STORE_SHARE),
  rows: ROWS_MAX,
  bytesPerUser: Number.POSITIVE_INFINITY,
  rowsPerUser: {},
};

/** Returns the `--max-old-space-size`, in MiB, with which a start loads so many bytes of rows. */
export function heapSizeFor(bytes: number): number {
  return Math.ceil(bytes / LOADABLE_SHARE / 1024 / 1024);
}
