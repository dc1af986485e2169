// The end of a data file, where lines are appended. A line counts once `fdatasync` has returned;
// until then a crash may lose it.
//
// A failed write and a failed sync differ. A failed write may leave some of its bytes behind, so
// the end is cut off before the next write, which may find space again. A failed sync is final,
// whatever its error: the kernel may have dropped the bytes, and reports success the next time
// (fsync(2)). So nothing is written after it until a restart has read the file again.

import { ignoreMissing } from '../../lib/file-access.ts';
import type { Log } from '../../lib/log.ts';
import { type DataFile, writeWhole } from './file-system.ts';

// As long as a change usually is, so that success means something.
const PROBE = Buffer.alloc(64 * 1024, ' ');

export interface FileEndOptions {
  readonly file: DataFile;
  /** The length of the file in bytes, without a torn end. */
  readonly length: number;
  /** Sets a torn end of the file aside; null if the file is whole. */
  readonly setTornEndAside: (() => Promise<void>) | null;
  readonly log: Log;
}

export class FileEnd {
  readonly file: DataFile;
  readonly #log: Log;
  #length: number;
  #setTornEndAside: (() => Promise<void>) | null;
  /** Whether the file may have bytes after `length`. */
  #isTorn: boolean;
  #hasFailed = false;

  constructor({ file, length, setTornEndAside, log }: FileEndOptions) {
    this.file = file;
    this.#length = length;
    this.#setTornEndAside = setTornEndAside;
    this.#isTorn = setTornEndAside !== null;
    this.#log = log;
  }

  /** Bytes, without a torn end. */
  get length(): number {
    return this.#length;
  }

  get isTorn(): boolean {
    return this.#isTorn;
  }

  /** Whether a sync has failed. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Resolves to whether this file has the name, and no other program has changed its length. */
  async isAsLeft(path: string): Promise<boolean> {
    const isInPlace = await this.file.isAt(path).catch((error) => {
      ignoreMissing(error);
      return false;
    });
    const extraBytes = (await this.file.size()) - this.#length;
    return isInPlace && (this.#isTorn ? extraBytes >= 0 : extraBytes === 0);
  }

  /**
   * Cuts off a torn end. The cut must be on the disk before the next write. Otherwise a power cut
   * may leave the new bytes and, after them, whole lines of a failed write.
   */
  async requireWhole(): Promise<void> {
    if (!this.#isTorn) return;
    await this.#setTornEndAside?.();
    this.#setTornEndAside = null;
    this.file.truncate(this.#length);
    await this.#sync();
    this.#isTorn = false;
  }

  /** Appends bytes, durably. After an error, none of them count. */
  async append(bytes: Uint8Array): Promise<void> {
    this.#isTorn = true;
    try {
      writeWhole(this.file, bytes, this.#length);
      await this.#sync();
    } catch (error) {
      this.#cut();
      throw error;
    }
    this.#length += bytes.length;
    this.#isTorn = false;
  }

  /** Writes a probe by the steps of a write, and cuts it off. */
  async probe(): Promise<void> {
    this.#isTorn = true;
    try {
      writeWhole(this.file, PROBE, this.#length);
    } finally {
      await this.requireWhole();
    }
  }

  // There may be no next write, and a change that was not acknowledged must not be in the file
  // after a restart.
  #cut(): void {
    try {
      this.file.truncate(this.#length);
    } catch (error) {
      const { message: reason } = error as Error;
      this.#log.warn('the torn end of the data file was not cut off', { reason });
    }
  }

  async #sync(): Promise<void> {
    try {
      await this.file.sync();
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
  }
}
