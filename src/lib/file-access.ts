// Ownership and durability of files, for the data file, the key file and the sockets. The server
// may run as a user of its own, so a command that root runs must not leave files that this user
// cannot read. Root therefore changes their owner to that of the folder. If the system denies
// access, the error names owners and modes, since these are the cause.

import { constants, statSync } from 'node:fs';
import { type FileHandle, lstat, open, realpath, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { JotError } from './errors.ts';

export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Returns the user who should own a new file at this path; null if that is the user of this
 * process. The folder must exist.
 */
export function heirOf(path: string): FileOwner | null {
  if (process.geteuid?.() !== 0) return null;
  const { uid, gid } = statSync(dirname(path));
  return uid === 0 ? null : { uid, gid };
}

/**
 * Returns the canonical path of a file, the same for every path to it. The file need not exist, but
 * its folder must.
 *
 * @throws JotError `unavailable` for a link to a missing file, since a new file would replace the
 * link.
 */
export async function withoutLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    ignoreMissing(error as NodeJS.ErrnoException);
    const isLink = (await lstat(path).catch(ignoreMissing))?.isSymbolicLink();
    if (isLink) throw new JotError('unavailable', `${path} is a link to a missing file`);
    return join(await realpath(dirname(path)), basename(path));
  }
}

/**
 * Reads a small text file. Rejects for anything but a regular file: opening a pipe would wait for a
 * writer, and the process could not exit meanwhile.
 */
export async function readTextFile(path: string, bytesMax: number): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new TypeError('it is not a file');
    if (stats.size > bytesMax) throw new TypeError(`it has more than ${bytesMax} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Flushes a folder to the disk. Only then are the names of its files durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await sync(folder);
  } finally {
    await folder.close();
  }
}

// Some file systems of networks and virtual machines (9p, old CIFS) have no operation to flush a
// folder. fsync(2) then fails with EINVAL, which PostgreSQL ignores too.
async function sync(folder: FileHandle): Promise<void> {
  await folder.sync().catch((error) => {
    if (error.code !== 'EINVAL') throw error;
  });
}

/**
 * Renames a file within its folder, durably. The folder is opened first: without a free file
 * descriptor, nothing happens. After another error, either file may have the name.
 *
 * @throws JotError `unavailable` if the file is a mount point, as with
 * `docker run -v <file>:<file>`.
 */
export async function renameDurably(from: string, to: string): Promise<void> {
  const folder = await open(dirname(to), 'r');
  try {
    await rename(from, to).catch((cause) => {
      if (cause.code !== 'EBUSY') throw cause;
      const problem = `Cannot replace ${to}: it is a mount point; mount its folder instead`;
      throw new JotError('unavailable', problem, { cause });
    });
    await sync(folder);
  } finally {
    await folder.close();
  }
}

/** Ignores ENOENT (no such file), and rethrows any other error. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/**
 * Ignores the errors of a root without the capability to change owners, as in some containers.
 * Rethrows any other error.
 */
export function ignoreUngivable(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPERM' && error.code !== 'EINVAL') throw error;
}
