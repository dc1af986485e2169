// The few file operations that the data file needs, behind an interface: what the store promises has to hold when any
// one of them fails, and that can only be shown by making each one fail.

import { fdatasync, fsync, ftruncateSync, writeSync } from 'node:fs';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
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
  /** Makes the folder and those above it, with mode 0700, where they are missing. */
  makeFolder(path: string): Promise<void>;
  /** A file's name is durable only when its folder is. */
  syncFolder(path: string): Promise<void>;
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
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  async syncFolder(path) {
    const handle = await open(path, 'r');
    try {
      await fullSync(handle.fd);
    } finally {
      await handle.close();
    }
  },
};
