// Whose a file is, for the two moments at which that matters. A command that root runs must not leave files that the server,
// which runs as a user of its own, can't read: what root makes goes to whoever has the folder. And where the system denies
// access, the cure is in who has what, so that is said.

import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Who is to have what is made at this path; null where that is whoever makes it. The folder is there. */
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

/** Rethrows every error but ENOENT: there is no such file. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/**
 * Passes on every error but those of a root that may not give files away, in a container without that capability: there it
 * goes on as what it is.
 */
export function ignoreUngivable(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPERM' && error.code !== 'EINVAL') throw error;
}

/**
 * What to add to the words of an error that denies access to a path.
 *
 * @returns ` (<path> has owner 0 and mode 0600, its folder owner 0 and mode 0755; this is user 997)`; empty for other errors.
 */
export function deniedNote({ code }: NodeJS.ErrnoException, path: string): string {
  if (code !== 'EACCES' && code !== 'EPERM') return '';
  const [file, folder] = [ownerAndMode(path), ownerAndMode(dirname(path))];
  const known = [file && `${path} has ${file}`, folder && `its folder ${dirname(path)} has ${folder}`];
  const told = known.filter((part) => part !== null).join(', ');
  return told === '' ? '' : ` (${told}; this is user ${process.geteuid?.()})`;
}

// What is not there, or can't be seen, tells nothing.
function ownerAndMode(path: string): string | null {
  try {
    const { uid, mode } = statSync(path);
    return `owner ${uid} and mode ${(mode & 0o777).toString(8).padStart(4, '0')}`;
  } catch {
    return null;
  }
}
