// Computes how many connections the process can hold. Each takes a file descriptor, and the kernel
// limits their number (`ulimit -n`). If connections could take all of them, a crowd of idle clients
// would leave none for a compaction, a key file or a command. So some descriptors are reserved.

import { readFileSync } from 'node:fs';

// About 30 are in use by an idle server. A compaction and a rotation of keys take two each.
const DESCRIPTORS_RESERVED = 64;
const OPEN_FILES_MAX = /^Max open files +(\d+)/m;

/**
 * Returns the number of connections that leave enough file descriptors for everything else;
 * infinity if the limit is unknown, as on systems other than Linux.
 *
 * @param path A file in the format of `/proc/self/limits`.
 */
export function connectionsPossible(path = '/proc/self/limits'): number {
  const limit = OPEN_FILES_MAX.exec(readLimits(path))?.[1];
  return limit === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Number(limit) - DESCRIPTORS_RESERVED);
}

function readLimits(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // The system is not Linux, or Node's permission model denies the read.
    return '';
  }
}
