// The real file system, of which one call fails: the first, the second, and so on, whatever it is. A disk may also be dead
// from then on.

import { type DataFile, type FileSystem, realFileSystem } from '../../../src/store/file/file-system.ts';
import { systemError } from './faulty-file-system.ts';

/** `short`: it writes half, without an error. With the others half is written too, and nobody is told. */
export type Failure = 'EIO' | 'ENOSPC' | 'short';

export interface FailingCall {
  /** Which call fails, counted from 1; of `short` ones only writes count. */
  readonly at: number;
  readonly failure: Failure;
  /** All later calls fail too. */
  readonly isDead: boolean;
}

export class FailingDisk {
  /** There is no room for anything. */
  isFull = false;
  /** It says that it cut a file off, and does not. */
  isLying = false;
  /** What failed, in order. */
  readonly failed: string[] = [];
  /** Hears of every call before it is made. */
  onCall: () => void = () => undefined;
  readonly fileSystem: FileSystem;
  readonly #failing: FailingCall;
  #calls = 0;

  constructor(failing: FailingCall) {
    this.#failing = failing;
    this.fileSystem = {
      open: (path, access) =>
        this.#call('open', async () => this.#wrapped(await realFileSystem.open(path, access))),
      rename: (from, to) => this.#call('rename', () => realFileSystem.rename(from, to)),
      remove: (path) => this.#call('remove', () => realFileSystem.remove(path)),
      makeFolder: (path) => this.#call('makeFolder', () => realFileSystem.makeFolder(path)),
      freeBytes: (path) => this.#call('freeBytes', () => realFileSystem.freeBytes(path)),
      syncFolder: () => this.#call('syncFolder', async () => undefined),
    };
  }

  #wrapped(file: DataFile): DataFile {
    return {
      size: () => this.#call('size', () => file.size()),
      read: (buffer, position) => this.#call('read', () => file.read(buffer, position)),
      write: (bytes, position) => {
        const failure = this.#next('write') ?? (this.isFull ? 'ENOSPC' : null);
        if (failure === null) return file.write(bytes, position);
        const half = file.write(bytes.subarray(0, bytes.length >> 1), position);
        if (failure === 'short') return half;
        throw systemError(failure);
      },
      writeAsync: async (bytes, position) => {
        const failure = this.#next('writeAsync') ?? (this.isFull ? 'ENOSPC' : null);
        if (failure === null) return file.writeAsync(bytes, position);
        const half = await file.writeAsync(bytes.subarray(0, bytes.length >> 1), position);
        if (failure === 'short') return half;
        throw systemError(failure);
      },
      // The power stays on, so a real sync would only take time.
      sync: () => this.#call('sync', async () => undefined),
      truncate: (length) => {
        const failure = this.#next('truncate');
        if (failure !== null) throw systemError(codeOf(failure));
        if (!this.isLying) file.truncate(length);
      },
      isAt: (path) => this.#call('isAt', () => file.isAt(path)),
      countNames: () => this.#call('countNames', () => file.countNames()),
      belongLike: (path) => this.#call('belongLike', () => file.belongLike(path)),
      // A close that fails has closed the file all the same (close(2)).
      close: async () => {
        const failure = this.#next('close');
        await file.close();
        if (failure !== null) throw systemError(codeOf(failure));
      },
    };
  }

  async #call<T>(name: string, real: () => Promise<T>): Promise<T> {
    const failure = this.#next(name);
    if (failure !== null) throw systemError(codeOf(failure));
    return real();
  }

  #next(name: string): Failure | null {
    this.onCall();
    const { at, failure, isDead } = this.#failing;
    if (failure === 'short' && !name.startsWith('write') && this.failed.length === 0) return null;
    this.#calls++;
    if (this.#calls !== at && !(isDead && this.#calls > at)) return null;
    this.failed.push(name);
    return this.#calls === at ? failure : 'EIO';
  }
}

function codeOf(failure: Failure): 'EIO' | 'ENOSPC' {
  return failure === 'short' ? 'EIO' : failure;
}
