// The size of V8's heap. V8 ends the process when the heap is full, and bounds in bytes that suit
// gigabytes do not suit `--max-old-space-size=96`. So each bound on memory that the heap holds for
// clients is a share of the heap, and the shares leave room for requests and for garbage.

import { getHeapStatistics } from 'node:v8';

// Node passes these options to V8, the last one last. V8 reports only the sum of this size and of
// the space in which it creates objects: 48 MiB in Node 20, and up to 192 MiB in Node 24.
const OPTION = /--max[-_]old[-_]space[-_]size[= ]([1-9]\d*)/g;
const NEW_SHARE_MAX = 1 / 20;

/** The size of V8's heap for objects that stay, in bytes, set by `--max-old-space-size`. */
export const HEAP_BYTES = heapBytesOf(
  [process.env.NODE_OPTIONS, ...process.execArgv].join(' '),
  getHeapStatistics().heap_size_limit,
);

/** Returns a share of the heap in bytes, but at most `bytesMax`. */
export function heapShare(share: number, bytesMax = Number.POSITIVE_INFINITY): number {
  return Math.floor(Math.min(HEAP_BYTES * share, bytesMax));
}

/**
 * Returns the size of the heap that Node's options set. Without such an option, returns V8's limit
 * minus the space for new objects.
 */
export function heapBytesOf(options: string, limitBytes: number): number {
  const [, mebibytes] = [...options.matchAll(OPTION)].at(-1) ?? [];
  if (mebibytes !== undefined) return Number(mebibytes) * 1024 * 1024;
  return Math.floor(limitBytes * (1 - NEW_SHARE_MAX));
}
