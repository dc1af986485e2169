// Owners and durability of files, shared by the data file, the key file and the sockets. A command that root runs must not leave files
// that the server, which runs as a user of its own, can't read: root gives them to the owner of the folder.

import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Returns the user to give a new file at this path to; null if it may stay the process's own. The folder must exist. */
export function heirOf(path: string): FileOwner | null {
  if (process.geteuid?.() !== 0) return null;
  const { uid, gid } = statSync(dirname(path));
  return uid === 0 ? null : { uid, gid };
}

/** Flushes a folder to the disk: only then the names of its files are durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Rethrows every error except ENOENT, no such file. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Rethrows every error except those of a root without the capability to give files away, as in some containers. */
export function ignoreUngivable(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPERM' && error.code !== 'EINVAL') throw error;
}
