// The sockets that lock files: their names, their paths, and their mode.
//
// A client that can connect can create and delete users. So only the same user and root may
// connect, from the moment the socket exists. `listen` creates the socket with mode 0777 minus the
// umask of the process, and so the umask is narrowed during that call. A `chmod` afterwards would
// be too late: another client could connect before it.

import type { Dirent } from 'node:fs';
import { chmod, type FileHandle, lchown, readdir } from 'node:fs/promises';
import type { Server } from 'node:net';
import { basename, join, relative } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { JotError } from '../lib/errors.ts';
import { heirOf, ignoreMissing, ignoreUngivable } from '../lib/file-access.ts';

// The kernel's limit for a socket's path is 108 bytes on Linux, 104 on macOS, the final NUL included.
const SOCKET_PATH_BYTES_MAX = 103;
const RANDOM_PART = /^[0-9a-f]{12}$/;
const SOCKET_UMASK = 0o177;
// bind(2) on a file system without sockets, such as exFAT, CIFS or a folder that a virtual machine
// shares with its host.
const NO_SOCKETS: readonly unknown[] = ['EPERM', 'ENOTSUP'];

/** Returns the names of the sockets in the folder that are locks of this file. */
export async function locksIn(folder: string, path: string): Promise<string[]> {
  const prefix = lockPrefix(path);
  const entries = await readdir(folder, { withFileTypes: true });
  // Stale locks are removed, so no other file may match.
  const isLock = ({ name }: Dirent) => name.startsWith(prefix) && RANDOM_PART.test(name.slice(prefix.length));
  return entries.filter((entry) => entry.isSocket() && isLock(entry)).map(({ name }) => name);
}

/** Returns the beginning of a lock's name, before its twelve hexadecimal digits. */
export function lockPrefix(path: string): string {
  return `${basename(path)}.lock-`;
}

/**
 * Returns the path of a socket for `listen` and `connect`. If the path is too long, it is replaced
 * by a path relative to the working directory or, on Linux, through the open folder.
 *
 * @throws JotError `unavailable` if all of these are too long.
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
    // Not `once`: if no file descriptor is free to accept a connection, an `error` event without a
    // listener would end the process.
    server.on('error', (cause: NodeJS.ErrnoException) => {
      const hint = NO_SOCKETS.includes(cause.code) ? '; use a file system with Unix sockets' : '';
      reject(new JotError('unavailable', `Cannot lock the data file: ${cause.message}${hint}`, { cause }));
    });
    server.once('listening', () => {
      // The lock must not keep the process running.
      server.unref();
      resolve();
    });
    // Exclusive: in a cluster worker, the primary process would listen instead.
    withUmask(SOCKET_UMASK, () => server.listen({ path, exclusive: true }));
  });
}

// The umask belongs to the whole process. But no other code of this thread runs in between, and
// files that other threads create in the meantime only get stricter modes. A worker thread cannot
// set the umask: its socket is accessible for a moment, but accepts no requests.
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
 * Changes the owner of a socket that root created to the owner of its folder. Otherwise that user
 * could not find out whether the socket of a killed root process is stale. `lchown` does not follow
 * a link that the user could have put in its place.
 */
export async function settleOwner(path: string): Promise<void> {
  if (!isMainThread) await chmod(path, 0o600).catch(ignoreMissing);
  const heir = heirOf(path);
  if (heir === null) return;
  await lchown(path, heir.uid, heir.gid).catch(ignoreMissing).catch(ignoreUngivable);
}
