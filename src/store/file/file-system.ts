// The few file operations that the data file needs, behind an interface: what the store promises has to hold when any
// one of them fails, and that can only be shown by making each one fail.

import { constants, ftruncateSync, readSync, writeSync } from 'node:fs';
import { type FileHandle, lchown, mkdir, open, readdir, stat, statfs, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { heirOf, ignoreMissing, ignoreUngivable, renameDurably, syncFolder } from '../../lib/file-access.ts';

const PIECE_BYTES = 256 * 1024;

/** An open file. Positions and lengths are bytes. */
export interface DataFile {
  size(): Promise<number>;
  /** Fills the buffer from this position on; gives how many bytes there were. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Like `read`, but blocks the thread. */
  readSync(buffer: Uint8Array, position: number): number;
  /**
   * Writes some of the bytes and gives how many: on a disk that is nearly full it may be fewer than there are, without an
   * error. Into the page cache, so it takes no time worth giving up the thread for.
   */
  write(bytes: Uint8Array, position: number): number;
  /** The same, for so much that the kernel may make the writer wait; the thread goes on meanwhile. */
  writeAsync(bytes: Uint8Array, position: number): Promise<number>;
  /** Everything written is on the disk when this returns. */
  sync(): Promise<void>;
  truncate(length: number): void;
  /** Whether it is this very file that the path leads to. */
  isAt(path: string): Promise<boolean>;
  /** Under how many names it can be opened. */
  countNames(): Promise<number>;
  /** Gives it the owner and the mode of another one. */
  belongLike(path: string): Promise<void>;
  close(): Promise<void>;
}

export type Access = 'read' | 'write' | 'create';

export interface FileSystem {
  /**
   * Opens to read, to read and write, or, where there must be no such file yet, to make one with mode 0600. What root makes
   * belongs to whoever has the folder.
   */
  open(path: string, access: Access): Promise<DataFile>;
  /** Durably. After an error either file may have the name. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** The names in a folder. */
  list(path: string): Promise<string[]>;
  /** Makes the folder and those above it, with mode 0700, where they are missing; durably. */
  makeFolder(path: string): Promise<void>;
  /** How many bytes there is room for beside this path. */
  freeBytes(path: string): Promise<number>;
  /** A file's name is durable only when its folder is. */
  syncFolder(path: string): Promise<void>;
}

/** Writes all of the bytes. A nearly full disk takes some of them without an error. */
export function writeWhole(file: DataFile, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length; ) {
    written += some(file.write(bytes.subarray(written), position + written));
  }
}

/** The same without holding the thread up. */
export async function writeWholeAsync(file: DataFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += some(await file.writeAsync(bytes.subarray(written), position + written));
  }
}

function some(count: number): number {
  if (count === 0) throw new Error('no space left on the device');
  return count;
}

/** The bytes between two positions, piece by piece, or what there is of them; a piece is good until the next one. */
export async function* readPieces(file: DataFile, start: number, end: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  for (let position = start; position < end; ) {
    const length = await file.read(buffer.subarray(0, Math.min(PIECE_BYTES, end - position)), position);
    if (length === 0) return;
    yield buffer.subarray(0, length);
    position += length;
  }
}

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NONBLOCK } = constants;
// What turns out to be a pipe must not keep the start waiting for its other end.
const FLAGS = {
  read: O_RDONLY | O_NONBLOCK,
  write: O_RDWR | O_NONBLOCK,
  create: O_RDWR | O_CREAT | O_EXCL,
};

export const realFileSystem: FileSystem = {
  async open(path, access) {
    // The handle object closes its descriptor when it is garbage; as long as the closures below hold it, it is not.
    const handle = await open(path, FLAGS[access], 0o600);
    await prepare(handle, path, access).catch(async (error) => {
      await handle.close();
      throw error;
    });
    return {
      size: async () => (await handle.stat()).size,
      read: async (buffer, position) => (await handle.read(buffer, 0, buffer.length, position)).bytesRead,
      readSync: (buffer, position) => readSync(handle.fd, buffer, 0, buffer.length, position),
      write: (bytes, position) => writeSync(handle.fd, bytes, 0, bytes.length, position),
      writeAsync: async (bytes, position) =>
        (await handle.write(bytes, 0, bytes.length, position)).bytesWritten,
      // By the handle, not by its number: Node's permission model leaves that alone.
      sync: () => handle.datasync(),
      truncate: (length) => ftruncateSync(handle.fd, length),
      isAt: async (other) => {
        const [own, there] = await Promise.all([handle.stat(), stat(other)]);
        return own.dev === there.dev && own.ino === there.ino;
      },
      countNames: async () => (await handle.stat()).nlink,
      async belongLike(other) {
        const [own, there] = await Promise.all([handle.stat(), stat(other)]);
        if (own.uid !== there.uid || own.gid !== there.gid) await handle.chown(there.uid, there.gid);
        if (own.mode !== there.mode) await handle.chmod(there.mode & 0o777);
      },
      close: () => handle.close(),
    };
  },
  rename: renameDurably,
  remove: unlink,
  list: (path) => readdir(path),
  async makeFolder(path) {
    // Level by level: below `/proc`, where nothing can be created, Node's recursive `mkdir` never
    // returns, and its thread then keeps even `process.exit` waiting.
    if ((await stat(path).catch(ignoreMissing)) !== undefined) return;
    await realFileSystem.makeFolder(dirname(path));
    // Another process may have just created the folder. That process then sets its owner.
    const isOurs = await mkdir(path, 0o700).then(() => true, ignoreExisting);
    const heir = isOurs ? heirOf(path) : null;
    if (heir !== null) await lchown(path, heir.uid, heir.gid).catch(ignoreUngivable);
    // Each new folder's name is in the one above it.
    await syncFolder(dirname(path));
  },
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(dirname(path));
    return bavail * bsize;
  },
  syncFolder,
};

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

async function prepare(handle: FileHandle, path: string, access: Access): Promise<void> {
  if (!(await handle.stat()).isFile()) {
    throw Object.assign(new Error(`it is not a file, open '${path}'`), { code: 'EINVAL', syscall: 'open' });
  }
  const heir = access === 'create' ? heirOf(path) : null;
  if (heir !== null) await handle.chown(heir.uid, heir.gid).catch(ignoreUngivable);
}
