// The few file operations that the data file needs, behind an interface: what the store promises has to hold when any
// one of them fails, and that can only be shown by making each one fail.

import { fdatasync, fsync, ftruncateSync, writeSync } from 'node:fs';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';

/** An open file. Positions and lengths are bytes. */
export interface DataFile {
  size(): Promise<number>;
  /** Fills the buffer from this position on; gives how many bytes there were. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /**
   * Writes some of the bytes and gives how many: on a disk that is nearly full it may be fewer than there are, without an
   * error. Into the page cache, so it takes no time worth giving up the thread for.
   */
  write(bytes: Uint8Array, position: number): number;
  /** Everything written is on the disk when this returns. */
  sync(): Promise<void>;
  truncate(length: number): void;
  close(): Promise<void>;
}

export interface FileSystem {
  /** Opens for reading and writing; `create` makes the file if there is none, with mode 0600. */
  open(path: string, options: { readonly create: boolean }): Promise<DataFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes the folder and those above it, with mode 0700, where they are missing; durably. */
  makeFolder(path: string): Promise<void>;
  /** A file's name is durable only when its folder is. */
  syncFolder(path: string): Promise<void>;
}

/** Writes all of the bytes. A nearly full disk takes some of them without an error. */
export function writeWhole(file: DataFile, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length; ) {
    const count = file.write(bytes.subarray(written), position + written);
    if (count === 0) throw new Error('no space left on the device');
    written += count;
  }
}

/** Reads `length` bytes from a position on, or what there is of them. */
export async function readWhole(file: DataFile, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let count = 0;
  for (let read = -1; read !== 0 && count < length; count += read) {
    read = await file.read(bytes.subarray(count), position + count);
  }
  return bytes.subarray(0, count);
}

/** Passes on every error but that there is no such file. */
export function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

const dataSync = promisify(fdatasync);
const fullSync = promisify(fsync);

export const realFileSystem: FileSystem = {
  async open(path, { create }) {
    // The handle object closes its descriptor when it is garbage; as long as the closures below hold it, it is not.
    const handle = await open(path, create ? 'wx+' : 'r+', 0o600);
    return {
      size: async () => (await handle.stat()).size,
      read: async (buffer, position) => (await handle.read(buffer, 0, buffer.length, position)).bytesRead,
      write: (bytes, position) => writeSync(handle.fd, bytes, 0, bytes.length, position),
      sync: () => dataSync(handle.fd),
      truncate: (length) => ftruncateSync(handle.fd, length),
      close: () => handle.close(),
    };
  },
  rename,
  remove: unlink,
  async makeFolder(path) {
    const first = await mkdir(path, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    // Each new folder's name is in the one above it.
    const top = dirname(resolve(first));
    for (let folder = resolve(path); folder !== top; folder = dirname(folder))
      await syncFolder(dirname(folder));
  },
  syncFolder,
};

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await fullSync(handle.fd);
  } finally {
    await handle.close();
  }
}
