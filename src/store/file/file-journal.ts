// The end of the data file, where changes are added. A change counts once `fdatasync` has returned; until then it may be
// lost, and whoever waits for it waits on.
//
// Two things can go wrong, and they are different. A write that fails or comes out short leaves a torn tail: it is cut
// off, and the next write may find room again. A sync that fails leaves nobody knowing what is on the disk: the kernel may
// have dropped the data and will report success the next time, so nothing more is written until a restart has read the
// file again.

import { JotError } from '../../lib/errors.ts';
import type { StoreStatus } from '../store.ts';
import type { Journal } from '../table-store.ts';
import type { Change, Tables } from '../tables.ts';
import { type DataFile, writeWhole } from './file-system.ts';
import { encodeChange } from './record.ts';

const RETRY_AFTER_SECONDS = 5;
// As much as a change usually is, so that success means something.
const PROBE = Buffer.alloc(64 * 1024, ' ');

export interface FileJournalOptions {
  readonly file: DataFile;
  /** What the file holds. */
  readonly tables: Tables;
  /** The number of the last change in the file. */
  readonly seq: number;
  /** The file's length in bytes. */
  readonly length: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly release: () => Promise<void>;
}

export class FileJournal implements Journal {
  readonly #options: FileJournalOptions;
  #seq: number;
  #length: number;
  /** Why the last write failed; writes go on being tried. */
  #trouble: string | null = null;
  /** Whether changes are written that do not count yet. */
  #isSyncing = false;
  /** Why there will be no more writes. */
  #broken: string | null = null;

  constructor(options: FileJournalOptions) {
    this.#options = options;
    this.#seq = options.seq;
    this.#length = options.length;
  }

  async append(changes: readonly Change[]): Promise<void> {
    if (this.#broken !== null) throw unavailable(this.#broken);
    const time = this.#options.now();
    const first = this.#seq + 1;
    const lines = changes.map((change, index) =>
      encodeChange({ seq: first + index, first, time, changes: change }),
    );
    const bytes = Buffer.from(lines.join(''));
    this.#write(bytes);
    this.#isSyncing = true;
    await this.#sync().finally(() => {
      this.#isSyncing = false;
    });
    this.#seq += changes.length;
    this.#length += bytes.length;
    this.#trouble = null;
    this.#options.tables.apply(changes);
  }

  status(): StoreStatus {
    // What is on its way to the disk lies where the probe would write, and will tell by itself.
    if (this.#broken === null && this.#trouble !== null && !this.#isSyncing) this.#probe();
    const reason = this.#broken ?? this.#trouble;
    return reason === null ? { ok: true } : { ok: false, reason };
  }

  async close(): Promise<void> {
    try {
      await this.#options.file.close();
    } finally {
      await this.#options.release();
    }
  }

  #write(bytes: Buffer): void {
    try {
      writeWhole(this.#options.file, bytes, this.#length);
    } catch (error) {
      this.#trouble = `The data file can't be written: ${(error as Error).message}`;
      this.#cutBack();
      throw unavailable(this.#trouble, error);
    }
  }

  // Whoever asks for the status may be what keeps writes away, so the asking itself finds out whether there is room again.
  #probe(): void {
    try {
      writeWhole(this.#options.file, PROBE, this.#length);
      this.#trouble = null;
    } catch (error) {
      this.#trouble = `The data file can't be written: ${(error as Error).message}`;
    }
    this.#cutBack();
  }

  #cutBack(): void {
    try {
      this.#options.file.truncate(this.#length);
    } catch (error) {
      this.#broken = `A torn end of the data file can't be cut off: ${(error as Error).message}; restart Jot`;
    }
  }

  async #sync(): Promise<void> {
    try {
      await this.#options.file.sync();
    } catch (error) {
      this.#broken = `The disk failed: ${(error as Error).message}; nothing is written until Jot is restarted`;
      // What was written but never acknowledged must not come back as if it had been.
      this.#cutBack();
      throw unavailable(this.#broken, error);
    }
  }
}

// What a client reads names no file and no system error; the reason is in `/readyz` and, as the cause, in the log.
function unavailable(reason: string, cause?: unknown): JotError {
  return new JotError('unavailable', 'The change could not be stored; nothing was changed', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause: cause ?? new Error(reason),
  });
}
