// Owners and durability of files, shared by the data file, the key file and the sockets. A command that root runs must not leave files
// that the server, which runs as a user of its own, can't read: root gives them to the owner of the folder. And where the system denies
// access, the error names owners and modes, since they are the cause.

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

/**
 * Returns an addition to the message of an error that denies access to a path.
 *
 * @returns ` (<path> has owner 0 and mode 0600, its folder owner 0 and mode 0755; this is user 997)`; empty for other errors.
 */
export function deniedNote({ code }: NodeJS.ErrnoException, path: string): string {
  if (code !== 'EACCES' && code !== 'EPERM') return '';
  const [file, folder] = [ownerAndMode(path), ownerAndMode(dirname(path))];
  const known = [file && `${path} has ${file}`, folder && `its folder ${dirname(path)} has ${folder}`];
  const note = known.filter((part) => part !== null).join(', ');
  return note === '' ? '' : ` (${note}; this is user ${process.geteuid?.()})`;
}

// Returns null for a file that is missing or can't be seen.
function ownerAndMode(path: string): string | null {
  try {
    const { uid, mode } = statSync(path);
    return `owner ${uid} and mode ${(mode & 0o777).toString(8).padStart(4, '0')}`;
  } catch {
    return null;
  }
}
