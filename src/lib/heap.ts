// The size of V8's heap, which ends the process when it is full. Bounds in bytes that fit a server
// with gigabytes do not fit one with `--max-old-space-size=96`. So each bound on what the heap
// holds for clients is a share of it, and the shares leave room for requests and for garbage.

import { getHeapStatistics } from 'node:v8';

// Node passes these options to V8, the last one last. V8 reports only the sum of this size and of the
// space in which it creates objects: 48 MiB in Node 20, and up to 192 MiB in Node 24.
const OPTION = /--max[-_]old[-_]space[-_]size[= ](\d+)/g;
const NEW_SHARE_MAX = 1 / 20;

/** The size of V8's heap for objects that stay, in bytes, set by `--max-old-space-size`. */
export const HEAP_BYTES = heapBytes();

/** Returns a share of the heap in bytes, but at most `bytesMax`. */
export function heapShare(share: number, bytesMax = Number.POSITIVE_INFINITY): number {
  return Math.floor(Math.min(HEAP_BYTES * share, bytesMax));
}

function heapBytes(): number {
  const options = `${process.env.NODE_OPTIONS ?? ''} ${process.execArgv.join(' ')}`;
  const mebibytes = Number([...options.matchAll(OPTION)].at(-1)?.[1] ?? 0);
  if (mebibytes > 0) return mebibytes * 1024 * 1024;
  return Math.floor(getHeapStatistics().heap_size_limit * (1 - NEW_SHARE_MAX));
}
