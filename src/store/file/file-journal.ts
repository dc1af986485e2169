// The end of the data file, where changes are added. A change counts once `fdatasync` has returned; until then it may be
// lost, and whoever waits for it waits on.
//
// Two things can go wrong, and they are different. A write that fails or comes out short leaves a torn tail: it is cut
// off, and the next write may find room again. A sync that fails leaves nobody knowing what is on the disk: the kernel may
// have dropped the data and will report success the next time, so nothing more is written until a restart has read the
// file again.

import { JotError } from '../../lib/errors.ts';
import { ignoreMissing } from '../../lib/file-access.ts';
import type { Log } from '../../lib/log.ts';
import { SCHEMA } from '../lift.ts';
import type { Journal } from '../memory/journaled-store.ts';
import type { Change, Tables } from '../memory/tables.ts';
import type { Compaction, StoreStatus } from '../store.ts';
import { type Compactable, Compactor, type Health } from './compaction.ts';
import { type DataFile, type FileSystem, writeWhole } from './file-system.ts';
import type { NextFile } from './next-file.ts';
import { encodeChange } from './record.ts';

const RETRY_AFTER_SECONDS = 5;
const LOOK_INTERVAL_MS = 1_000;
const MEDDLED =
  'The data file was moved away or changed by somebody else; nothing is written until Jot is restarted';
// As much as a change usually is, so that success means something.
const PROBE = Buffer.alloc(64 * 1024, ' ');

export interface FileJournalOptions {
  readonly fileSystem: FileSystem;
  readonly path: string;
  readonly file: DataFile;
  /** What the file holds. */
  readonly tables: Tables;
  /** The number of the last change in the file. */
  readonly seq: number;
  /** The schema in the file's first line. */
  readonly schema: number;
  /** The file's length in bytes. */
  readonly length: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
  readonly release: () => Promise<void>;
}

export class FileJournal implements Journal, Compactable {
  readonly #options: FileJournalOptions;
  readonly #compactor: Compactor;
  #file: DataFile;
  #seq: number;
  #schema: number;
  #length: number;
  /** Ends when what has the file to itself is done with it. */
  #last: Promise<unknown> = Promise.resolve();
  /** Why the last write failed; writes go on being tried. */
  #trouble: string | null = null;
  /** Whether changes are written that do not count yet. */
  #isSyncing = false;
  /** Why there will be no more writes. */
  #broken: string | null = null;
  /** When it was last seen that the file is where it was and as it was. */
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(options: FileJournalOptions) {
    this.#options = options;
    this.#file = options.file;
    this.#seq = options.seq;
    this.#schema = options.schema;
    this.#length = options.length;
    this.#compactor = new Compactor(this, options);
  }

  get file(): DataFile {
    return this.#file;
  }

  get seq(): number {
    return this.#seq;
  }

  get length(): number {
    return this.#length;
  }

  get health(): Health {
    if (this.#broken !== null) return 'broken';
    return this.#trouble === null ? 'well' : 'in trouble';
  }

  async append(changes: readonly Change[]): Promise<void> {
    await this.exclusively(() => this.#append(changes));
    this.compactIfWorthwhile();
  }

  /** Compacts in the background if that is worth it. */
  compactIfWorthwhile(): void {
    this.#compactor.runIfWorthwhile();
  }

  status(): StoreStatus {
    // What is on its way to the disk lies where the probe would write, and will tell by itself.
    if (this.#broken === null && this.#trouble !== null && !this.#isSyncing) this.#probe();
    const reason = this.#broken ?? this.#trouble;
    return reason === null ? { ok: true } : { ok: false, reason };
  }

  compact(): Promise<Compaction> {
    return this.#compactor.run();
  }

  async close(): Promise<void> {
    await this.#compactor.stop();
    try {
      await this.#file.close();
    } finally {
      await this.#options.release();
    }
  }

  // One after the other: a change that is added while the file is replaced would be in the old one alone.
  exclusively<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #append(changes: readonly Change[]): Promise<void> {
    const time = this.#options.now();
    await this.#requirePlace(time);
    if (this.#broken !== null) throw unavailable(this.#broken);
    const first = this.#seq + 1;
    const lines = changes.map((change, index) =>
      encodeChange({ seq: first + index, first, time, changes: change }, this.#schema),
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

  // Somebody may move the file away, or copy another one over it: what is added then would be lost. It is too rare to ask the
  // disk with every write.
  async #requirePlace(time: number): Promise<void> {
    if (this.#broken !== null || Math.abs(time - this.#lookedMs) < LOOK_INTERVAL_MS) return;
    try {
      if (!(await this.#isAsItWas())) this.#broken = MEDDLED;
      this.#lookedMs = time;
    } catch (error) {
      this.#trouble = `The data file can't be looked at: ${(error as Error).message}`;
      throw unavailable(this.#trouble, error);
    }
  }

  async #isAsItWas(): Promise<boolean> {
    const isInPlace = await this.#file.isAt(this.#options.path).catch((error) => {
      ignoreMissing(error);
      return false;
    });
    return isInPlace && (await this.#file.size()) === this.#length;
  }

  #write(bytes: Buffer): void {
    try {
      writeWhole(this.#file, bytes, this.#length);
    } catch (error) {
      this.#trouble = `The data file can't be written: ${(error as Error).message}`;
      this.#cutBack();
      throw unavailable(this.#trouble, error);
    }
  }

  // Whoever asks for the status may be what keeps writes away, so the asking itself finds out whether there is room again.
  #probe(): void {
    try {
      writeWhole(this.#file, PROBE, this.#length);
      this.#trouble = null;
    } catch (error) {
      this.#trouble = `The data file can't be written: ${(error as Error).message}`;
    }
    this.#cutBack();
  }

  #cutBack(): void {
    try {
      this.#file.truncate(this.#length);
    } catch (error) {
      this.#broken = `A torn end of the data file can't be cut off: ${(error as Error).message}; restart Jot`;
    }
  }

  async #sync(): Promise<void> {
    try {
      await this.#file.sync();
    } catch (error) {
      this.#broken = diskFailed(error);
      // What was written but never acknowledged must not come back as if it had been.
      this.#cutBack();
      throw unavailable(this.#broken, error);
    }
  }

  // A change that is added to the file without the name is lost. So as long as it is not certain which file has the name,
  // also after a power cut, nothing is written.
  async replaceFile(next: NextFile): Promise<void> {
    const { path, log } = this.#options;
    const old = this.#file;
    // What has the name by now would be gone.
    if (!(await this.#isAsItWas())) {
      this.#broken = MEDDLED;
      throw new Error('another file is in its place');
    }
    try {
      await next.rename();
    } catch (error) {
      const isInPlace = await old.isAt(path).catch(() => false);
      if (!isInPlace) this.#broken = diskFailed(error);
      throw error;
    }
    this.#file = next.file;
    this.#schema = SCHEMA;
    this.#length = next.length;
    await old
      .close()
      .catch((error) => log.warn('the old data file was not closed', { reason: error.message }));
    try {
      await next.syncFolder();
    } catch (error) {
      this.#broken = diskFailed(error);
      throw error;
    }
  }
}

function diskFailed(error: unknown): string {
  return `The disk failed: ${(error as Error).message}; nothing is written until Jot is restarted`;
}

// What a client reads names no file and no system error; the reason is in `/readyz` and, as the cause, in the log.
function unavailable(reason: string, cause?: unknown): JotError {
  return new JotError('unavailable', 'The change could not be stored; nothing was changed', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause: cause ?? new Error(reason),
  });
}
