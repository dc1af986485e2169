// The size of V8's heap, which ends the process when it is full. Bounds in bytes that fit a server
// with gigabytes do not fit one with `--max-old-space-size=96`. So each bound on what the heap
// holds for clients is a share of it, and the shares leave room for requests and for garbage.

import { getHeapStatistics } from 'node:v8';

/** The limit of V8's heap in bytes, set by `--max-old-space-size`. */
export const HEAP_BYTES = getHeapStatistics().heap_size_limit;

/** Returns a share of the heap in bytes, but at most `bytesMax`. */
export function heapShare(share: number, bytesMax = Number.POSITIVE_INFINITY): number {
  return Math.floor(Math.min(HEAP_BYTES * share, bytesMax));
}
