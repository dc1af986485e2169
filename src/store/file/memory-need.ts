// The error for a data file whose rows do not fit in V8's heap. V8 ends the process when its heap
// is full. A start that loaded such a file would crash halfway, with V8's stack trace instead of a
// reason. Here the start stops earlier and names the ways out. The commands read the same file in
// little memory (`rows-in-file.ts`).
//
// A file without many rows can still need much memory: a start applies its changes in order, and
// rows that were deleted later are in memory until then. A compaction removes them from the file.

import { JotError } from '../../lib/errors.ts';
import { heapSizeFor, LOADABLE_BYTES } from '../capacity.ts';

const MEBIBYTE = 1024 * 1024;
const DELETE =
  '`jot user list` shows the memory of each user, `jot user delete` deletes a user, and then `jot compact` rewrites the file';

/** Returns the error for a file whose rows need more than a start can load. */
export function tooLarge(path: string): JotError {
  const needed = `its rows take more than ${inMebibytes(LOADABLE_BYTES)} of memory, which is all that V8's heap has for them`;
  const heap = '`jot check` prints the size of the heap that it needs';
  return new JotError('unavailable', `Cannot load the data file ${path}: ${needed}. ${heap}. ${DELETE}`);
}

/** Returns the ways out if a start cannot load so many bytes of rows; null if it can. */
export function describeNeed(bytes: number): string | null {
  if (bytes <= LOADABLE_BYTES) return null;
  const needed = `a start needs ${inMebibytes(bytes)} of memory for its rows, and V8's heap has ${inMebibytes(LOADABLE_BYTES)}`;
  return `${needed}: NODE_OPTIONS=--max-old-space-size=${heapSizeFor(bytes)} is enough. ${DELETE}`;
}

function inMebibytes(bytes: number): string {
  return `${Math.round(bytes / MEBIBYTE).toLocaleString('en-US')} MiB`;
}
