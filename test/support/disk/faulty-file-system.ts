// The real file system with faults that a test switches on and off: stands in for a disk that is full, fails, or is slow.

import { readFileSync } from 'node:fs';
import { createLog } from '../../../src/lib/log.ts';
import { openFileStore } from '../../../src/store/file/file-store.ts';
import { type DataFile, type FileSystem, realFileSystem } from '../../../src/store/file/file-system.ts';
import type { Store } from '../../../src/store/open.ts';
import { TIME } from './records.ts';
import { openFor, userNamed } from './stores.ts';
import { type Cleanup, temporaryFolder } from './temporary-folder.ts';

/** Replacements for operations on an open file, which they receive. They may change while the file is open. */
export interface Faults {
  write?: ((file: DataFile, bytes: Uint8Array, position: number) => number) | undefined;
  writeAsync?: ((file: DataFile, bytes: Uint8Array, position: number) => Promise<number>) | undefined;
  sync?: ((file: DataFile) => Promise<void>) | undefined;
  truncate?: ((file: DataFile, length: number) => void) | undefined;
  size?: ((file: DataFile) => Promise<number>) | undefined;
  isAt?: ((file: DataFile, path: string) => Promise<boolean>) | undefined;
}

export function faultyFileSystem(faults: Faults): FileSystem {
  return {
    ...realFileSystem,
    async open(path, options) {
      const file = await realFileSystem.open(path, options);
      return {
        ...file,
        write: (bytes, position) => faults.write?.(file, bytes, position) ?? file.write(bytes, position),
        writeAsync: (bytes, position) =>
          faults.writeAsync?.(file, bytes, position) ?? file.writeAsync(bytes, position),
        sync: () => faults.sync?.(file) ?? file.sync(),
        truncate: (length) => (faults.truncate ?? cut)(file, length),
        size: () => faults.size?.(file) ?? file.size(),
        isAt: (other) => faults.isAt?.(file, other) ?? file.isAt(other),
      };
    },
  };
}

/** Opens a store on this file system that logs nothing. */
export function openOn(fileSystem: FileSystem, path: string, clock = { ms: TIME }): Promise<Store> {
  const now = () => clock.ms;
  return openFileStore(path, {
    now,
    log: createLog({ format: 'off', write: () => undefined, now }),
    fileSystem,
  });
}

export interface Opened {
  readonly store: Store;
  readonly path: string;
  readonly content: () => string;
  /** The time of the store, which stands still until the test changes it. */
  readonly clock: { ms: number };
}

/** Opens a store with the user matt, closed when the test is over. Faults that are set later apply from then on. */
export async function openWithMatt(t: Cleanup, faults: Faults): Promise<Opened> {
  const path = `${temporaryFolder(t)}/jot.jsonl`;
  const clock = { ms: TIME };
  const store = await openOn(faultyFileSystem(faults), path, clock);
  t.after(() => store.close());
  await store.users.create(userNamed('matt'));
  return { store, path, content: () => readFileSync(path, 'utf8'), clock };
}

/** Closes the store and opens its file on a disk without faults. */
export async function reopen(t: Cleanup, { store, path }: Pick<Opened, 'store' | 'path'>): Promise<Store> {
  await store.close();
  return openFor(t, `file:${path}`);
}

/** Returns an error as Node reports it. */
const WORDS = {
  ENOSPC: 'no space left on device',
  EIO: 'i/o error',
  EROFS: 'read-only file system',
  EACCES: 'permission denied',
  EMFILE: 'too many open files',
};

export function systemError(code: keyof typeof WORDS): NodeJS.ErrnoException {
  const words = WORDS[code];
  return Object.assign(new Error(`${code}: ${words}`), { code });
}

/** Syncs that wait until the test finishes or fails them: pass `sync` as the fault. */
export class HeldSyncs {
  /** Number of syncs so far. */
  count = 0;
  readonly #held: HeldSync[] = [];
  #onHeld: () => void = () => undefined;

  readonly sync = (file: DataFile): Promise<void> =>
    new Promise((resolve, reject) => {
      this.count++;
      this.#held.push({ finish: () => file.sync().then(resolve, reject), fail: reject });
      this.#onHeld();
    });

  /** Resolves to the oldest waiting sync, once there is one. */
  async next(): Promise<HeldSync> {
    const held = this.#held.shift();
    if (held !== undefined) return held;
    await new Promise<void>((resolve) => {
      this.#onHeld = resolve;
    });
    return this.next();
  }
}

export interface HeldSync {
  readonly finish: () => Promise<void>;
  readonly fail: (error: Error) => void;
}

function cut(file: DataFile, length: number): void {
  file.truncate(length);
}
