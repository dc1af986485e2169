// The sockets that are the locks of files: what they are called, how their paths are kept short enough, and how one is made that
// nobody else gets at.
//
// Whoever can connect can have users made and deleted, so the socket is open to the same user and to root alone, from the moment
// it is there: `listen` makes it before it returns, with what the process's umask leaves of 0777, and the umask is narrow until
// then. A `chmod` afterwards would come too late for whoever connected in between.

import type { Dirent } from 'node:fs';
import { chmod, type FileHandle, lchown, readdir } from 'node:fs/promises';
import type { Server } from 'node:net';
import { basename, join, relative } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { JotError } from '../lib/errors.ts';
import { deniedNote, heirOf, ignoreMissing, ignoreUngivable } from '../lib/file-access.ts';

// The kernel's limit for a socket's path is 108 bytes on Linux, 104 on macOS, the final NUL included.
const SOCKET_PATH_BYTES_MAX = 103;
const RANDOM_PART = /^[0-9a-f]{12}$/;
const SOCKET_UMASK = 0o177;

/** The names of the sockets in this folder that are locks of this file. */
export async function locksIn(folder: string, path: string): Promise<string[]> {
  const prefix = lockPrefix(path);
  const entries = await readdir(folder, { withFileTypes: true });
  // Nothing is taken for a lock, and removed some day, that this file has not made.
  const isLock = ({ name }: Dirent) => name.startsWith(prefix) && RANDOM_PART.test(name.slice(prefix.length));
  return entries.filter((entry) => entry.isSocket() && isLock(entry)).map(({ name }) => name);
}

/** A lock's name is this and twelve hexadecimal digits. */
export function lockPrefix(path: string): string {
  return `${basename(path)}.lock-`;
}

/**
 * The path of a socket, as `listen` and `connect` take it: one that is too long is reached from the working directory or, on
 * Linux, through the open folder.
 *
 * @throws JotError `unavailable` when there is no such way.
 */
export function socketPath(folder: string, file: string, handle: FileHandle): string {
  const paths = [join(folder, file), relative('.', join(folder, file)), `/proc/self/fd/${handle.fd}/${file}`];
  const usable = process.platform === 'linux' ? paths : paths.slice(0, 2);
  const path = usable.find((each) => Buffer.byteLength(each) <= SOCKET_PATH_BYTES_MAX);
  if (path !== undefined) return path;
  throw new JotError(
    'unavailable',
    `The path is too long for a lock beside the data file: ${folder}/${file}`,
  );
}

/** Listens on a socket of mode 0600. @throws JotError `unavailable`. */
export function listenPrivately(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const reason = cause.message + deniedNote(cause, path);
      reject(new JotError('unavailable', `Can't lock the data file: ${reason}`, { cause }));
    });
    server.once('listening', () => {
      // The lock lives as long as the process, but is no reason for it to live on.
      server.unref();
      resolve();
    });
    // Exclusive: in a worker of a cluster another process would listen for this one.
    withUmask(SOCKET_UMASK, () => server.listen({ path, exclusive: true }));
  });
}

// It is the whole process's, but nothing else of this thread comes between. What another thread makes meanwhile is closed to
// others too. A worker thread can't set it, so there the socket is open for a moment, and takes no requests.
function withUmask(umask: number, use: () => void): void {
  if (!isMainThread) {
    use();
    return;
  }
  const before = process.umask(umask);
  try {
    use();
  } finally {
    process.umask(before);
  }
}

/**
 * Gives a socket that root made to whoever has the folder: nobody else could ask the one that a killed root leaves whether it is
 * a leftover. By its name, but through no link, since whoever has the folder could put one in its place.
 */
export async function settleOwner(path: string): Promise<void> {
  if (!isMainThread) await chmod(path, 0o600).catch(ignoreMissing);
  const heir = heirOf(path);
  if (heir === null) return;
  await lchown(path, heir.uid, heir.gid).catch(ignoreMissing).catch(ignoreUngivable);
}
