// One process owns the data file. Node offers no file locks, and a file with a process id in it goes wrong after
// `kill -9`: the id may belong to another program by then, or to a process in another container. What the kernel does
// take back from a dead process is a listening socket. So the owner listens on a Unix socket beside the data file, and
// whether there is an owner is asked by connecting: somebody answers, or the connection is refused and the socket is a
// leftover.
//
// Two that start at the same moment must not both win, so nobody removes or replaces another's socket before owning the
// file: each listens on a socket with a name of its own first, and only then looks at the others. Whoever finds one that
// answers steps back. Of two, the one that looks later finds the earlier one listening; at worst both step back.
//
// It covers one kernel: containers that share the folder, yes; machines that share it over a network, no.

import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { basename, dirname, join, relative } from 'node:path';
import { JotError } from '../../lib/errors.ts';
import { ignoreMissing } from './file-system.ts';

// The kernel's limit for a socket's path is 108 bytes on Linux, 104 on macOS, the final NUL included.
const SOCKET_PATH_BYTES_MAX = 103;
const ANSWER_BYTES_MAX = 100;

export interface Lock {
  /** Gives the file free. */
  release(): Promise<void>;
}

/**
 * Takes the lock of a data file, which need not be there yet; its folder must.
 *
 * @param path Without symbolic links: two names for one file must lead to one lock.
 * @throws JotError `unavailable` when another process has it, saying which.
 */
export async function acquireLock(path: string): Promise<Lock> {
  const folder = dirname(path);
  const prefix = `${basename(path)}.lock-`;
  const own = `${prefix}${randomBytes(6).toString('hex')}`;
  const handle = await open(folder, 'r');
  const server = createServer((socket) =>
    socket.on('error', () => socket.destroy()).end(`process ${process.pid}`),
  );
  const release = async () => {
    if (server.listening) await new Promise((resolve) => server.close(resolve));
    await handle.close();
  };
  try {
    await listen(server, socketPath(folder, own, handle));
    const others = (await readdir(folder)).filter((file) => file.startsWith(prefix) && file !== own);
    for (const other of others) await requireDead(path, socketPath(folder, other, handle));
    // From here on the file is ours, and what did not answer is nobody's.
    for (const other of others) await unlink(join(folder, other)).catch(ignoreMissing);
    return { release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function requireDead(path: string, otherPath: string): Promise<void> {
  const holder = await ask(otherPath);
  if (holder === null) return;
  throw new JotError('unavailable', `The data file ${path} is in use by ${holder}; stop it first`);
}

// A path that is too long for a socket is reached from the working directory or, on Linux, through the open folder.
function socketPath(folder: string, file: string, handle: FileHandle): string {
  const paths = [join(folder, file), relative('.', join(folder, file)), `/proc/self/fd/${handle.fd}/${file}`];
  const usable = process.platform === 'linux' ? paths : paths.slice(0, 2);
  const path = usable.find((each) => Buffer.byteLength(each) <= SOCKET_PATH_BYTES_MAX);
  if (path !== undefined) return path;
  throw new JotError('unavailable', `The data folder's path is too long for a lock beside it: ${folder}`);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(new JotError('unavailable', `Can't lock the data file: ${cause.message}`, { cause }));
    });
    server.listen(path, () => {
      // The lock lives as long as the process, but is no reason for it to live on.
      server.unref();
      resolve();
    });
  });
}

// Who answers, or null when nobody does. Being accepted is enough: a process that is stopped still owns the file.
function ask(path: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(path);
    socket.once('connect', () => socket.setTimeout(1_000, () => socket.destroy()));
    socket.on('data', (data) => {
      answer = (answer + data).slice(0, ANSWER_BYTES_MAX);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(null);
      else if (error.code === 'ECONNRESET' || error.code === 'EPIPE') resolve('another process');
      else
        reject(
          new JotError('unavailable', `Can't tell who uses the data file: ${error.message}`, {
            cause: error,
          }),
        );
    });
    socket.once('close', (hadError) => !hadError && resolve(answer === '' ? 'another process' : answer));
  });
}
