// The real file system, on which one call fails: stands in for a disk that fails at any moment.

import { rename } from 'node:fs/promises';
import { type FileSystem, realFileSystem } from '../../../src/store/file/file-system.ts';
import { systemError } from './faulty-file-system.ts';

/** `short` writes half without an error. The other failures write half too, then fail. */
export type Failure = 'EIO' | 'ENOSPC' | 'short';

export interface FailingCall {
  /** The call that fails, counted from 1; with `short`, only writes count. */
  readonly at: number;
  readonly failure: Failure;
  /** Whether all later calls fail too. */
  readonly isDead: boolean;
}

/** The calls that throw instead of rejecting. */
const SYNCHRONOUS = ['readSync', 'write', 'truncate'];

/**
 * The real file system, on which one call fails. The power stays on, so a sync does nothing except
 * take its turn to fail.
 */
export class FailingDisk {
  isFull = false;
  /** Whether `truncate` does nothing, without an error. */
  isLying = false;
  readonly failed: string[] = [];
  onCall: () => void = () => undefined;
  readonly #failing: FailingCall;
  #calls = 0;

  constructor(failing: FailingCall) {
    this.#failing = failing;
  }

  readonly fileSystem: FileSystem = this.#wrapped({
    ...realFileSystem,
    syncFolder: async () => undefined,
    rename,
    open: async (path, access) =>
      this.#wrapped({ ...(await realFileSystem.open(path, access)), sync: async () => undefined }),
  });

  #wrapped<T extends object>(real: T): T {
    const entries = Object.entries(real).map(([name, call]) => {
      const wrapped = (...args: readonly unknown[]) => this.#run(name, call, args);
      return [name, SYNCHRONOUS.includes(name) ? wrapped : async (...args: unknown[]) => wrapped(...args)];
    });
    return Object.fromEntries(entries);
  }

  #run(name: string, call: (...args: readonly unknown[]) => unknown, args: readonly unknown[]): unknown {
    const isWrite = name.startsWith('write');
    const failure = this.#failure(name) ?? (isWrite && this.isFull ? 'ENOSPC' : null);
    if (failure === null) return name === 'truncate' && this.isLying ? undefined : call(...args);
    const [bytes, position] = args as [Uint8Array, number];
    const half = isWrite ? call(bytes.subarray(0, bytes.length >> 1), position) : undefined;
    if (failure === 'short' && isWrite) return half;
    const error = systemError(failure === 'short' ? 'EIO' : failure);
    const fail = () => {
      throw error;
    };
    // A failing close closes the file all the same (close(2)), and a rename may happen and not be durable.
    const isDone = name === 'close' || (name === 'rename' && failure === 'ENOSPC');
    const done = isDone ? call(...args) : half;
    return done instanceof Promise ? done.then(fail) : fail();
  }

  #failure(name: string): Failure | null {
    this.onCall();
    const { at, failure, isDead } = this.#failing;
    if (failure === 'short' && !name.startsWith('write') && this.failed.length === 0) return null;
    this.#calls++;
    if (this.#calls !== at && !(isDead && this.#calls > at)) return null;
    this.failed.push(name);
    return this.#calls === at ? failure : 'EIO';
  }
}
