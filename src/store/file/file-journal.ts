// The end of the data file, where changes are appended. A change counts once `fdatasync` has
// returned. Until then a crash may lose it, and its writer waits.
//
// A failed write and a failed sync differ. A failed write may leave some of its bytes behind, so
// the end is cut off before the next write, which may find space again. A failed sync is final: the
// kernel may have dropped the bytes, and reports success the next time (fsync(2)). Nothing is
// written after it until a restart has read the file again. All other errors pass: each write tries
// every step again.
//
// When writes fail, a load balancer may keep clients away because of `/readyz`. So `status` writes a
// probe. It takes the steps of a write, in line with the writes: a probe of less would succeed
// although writes fail, and a concurrent one would look like another program's change of the file.

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
const PROBE_INTERVAL_MS = 1_000;
// Any client can read these, so they name no path and no system error; the log does.
const IN_TROUBLE = 'Changes cannot be stored at the moment; the log has the reason';
const MEDDLED = 'The data file is not where or as Jot left it; nothing is written until Jot is restarted';
const DISK_FAILED = 'The disk failed; nothing is written until Jot is restarted';
// As long as a change usually is, so that success means something.
const PROBE = Buffer.alloc(64 * 1024, ' ');

export interface FileJournalOptions {
  readonly fileSystem: FileSystem;
  readonly path: string;
  readonly file: DataFile;
  /** The rows in the file. */
  readonly tables: Tables;
  /** The number of the last change in the file. */
  readonly seq: number;
  /** The schema in the file's first line. */
  readonly schema: number;
  /** The length of the file in bytes, without a torn end. */
  readonly length: number;
  /** Sets a torn end of the file aside; null if there is none. */
  readonly setTornEndAside: (() => Promise<void>) | null;
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
  #setTornEndAside: (() => Promise<void>) | null;
  /** Whether the file may have bytes after its `#length`. */
  #isTorn: boolean;
  /** Settles when the last exclusive task so far is done. */
  #last: Promise<unknown> = Promise.resolve();
  /** Why the last attempt to write failed; null if it succeeded. */
  #trouble: string | null = null;
  /** Why nothing is written until a restart. */
  #broken: string | null = null;
  /** When the file was last found in its place and unchanged. */
  #lookedMs = Number.NEGATIVE_INFINITY;
  #probedMs = Number.NEGATIVE_INFINITY;
  #probing: Promise<unknown> | null = null;

  constructor(options: FileJournalOptions) {
    this.#options = options;
    this.#file = options.file;
    this.#seq = options.seq;
    this.#schema = options.schema;
    this.#length = options.length;
    this.#setTornEndAside = options.setTornEndAside;
    this.#isTorn = options.setTornEndAside !== null;
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

  /** Cuts off a torn end. If that fails, it is tried again before each write. */
  async start(): Promise<void> {
    const { now } = this.#options;
    if (this.#isTorn) await this.exclusively(() => this.#attempt(now(), async () => undefined));
    this.compactIfWorthwhile();
  }

  async append(changes: readonly Change[]): Promise<void> {
    await this.exclusively(() => this.#append(changes));
    this.compactIfWorthwhile();
  }

  /** Compacts in the background if that is worth it. */
  compactIfWorthwhile(): void {
    this.#compactor.runIfWorthwhile();
  }

  async status(): Promise<StoreStatus> {
    if (this.health === 'in trouble') await this.#probe();
    const { health } = this;
    return health === 'well' ? { ok: true } : { ok: false, reason: this.#broken ?? IN_TROUBLE };
  }

  compact(): Promise<Compaction> {
    return this.#compactor.run();
  }

  async close(): Promise<void> {
    await this.#compactor.stop();
    try {
      await this.exclusively(() => this.#file.close());
    } finally {
      await this.#options.release();
    }
  }

  // One after the other: a change that is appended while the file is replaced would be in the old
  // file only.
  exclusively<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #append(changes: readonly Change[]): Promise<void> {
    const time = this.#options.now();
    const first = this.#seq + 1;
    const lines = changes.map((change, index) =>
      encodeChange({ seq: first + index, first, time, changes: change }, this.#schema),
    );
    const error = await this.#attempt(time, () => this.#write(Buffer.from(lines.join(''))));
    if (error !== null) throw unavailable(error);
    this.#seq += changes.length;
    this.#options.tables.apply(changes);
  }

  // Any client can ask for the status, so a probe is shared, and at most one a second is written.
  async #probe(): Promise<void> {
    const time = this.#options.now();
    if (this.#probing === null && Math.abs(time - this.#probedMs) >= PROBE_INTERVAL_MS) {
      this.#probedMs = time;
      this.#probing = this.exclusively(() => this.#attempt(time, () => this.#writeProbe()));
      await this.#probing;
      this.#probing = null;
    }
    await this.#probing;
  }

  /** Takes the steps of a write with the given last step. Resolves to the error, or null. */
  async #attempt(time: number, write: () => Promise<void>): Promise<Error | null> {
    const { log } = this.#options;
    try {
      if (this.#broken !== null) throw new Error(this.#broken);
      // Too rare to ask the disk before every write.
      if (Math.abs(time - this.#lookedMs) >= LOOK_INTERVAL_MS) await this.#look(time);
      await this.#requireWholeEnd();
      await write();
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#trouble) log.error('changes cannot be stored', { reason: message });
      this.#trouble = message;
      return error as Error;
    }
    if (this.#trouble !== null) log.info('changes are stored again');
    this.#trouble = null;
    return null;
  }

  // Another program may move the file away, or copy another one over it. Changes that are appended
  // then would be lost.
  async #look(time: number): Promise<void> {
    const isInPlace = await this.#file.isAt(this.#options.path).catch((error) => {
      ignoreMissing(error);
      return false;
    });
    const extraBytes = (await this.#file.size()) - this.#length;
    const isUnchanged = this.#isTorn ? extraBytes >= 0 : extraBytes === 0;
    if (!isInPlace || !isUnchanged) {
      this.#broken = MEDDLED;
      throw new Error('another file is in its place');
    }
    this.#lookedMs = time;
  }

  // The cut must be on the disk before the next write. Otherwise a power cut may leave the new bytes
  // and, after them, whole lines of a failed write.
  async #requireWholeEnd(): Promise<void> {
    if (!this.#isTorn) return;
    await this.#setTornEndAside?.();
    this.#setTornEndAside = null;
    this.#file.truncate(this.#length);
    await this.#sync();
    this.#isTorn = false;
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#isTorn = true;
    try {
      writeWhole(this.#file, bytes, this.#length);
      await this.#sync();
    } catch (error) {
      this.#cutEnd();
      throw error;
    }
    this.#isTorn = false;
    this.#length += bytes.length;
  }

  async #writeProbe(): Promise<void> {
    this.#isTorn = true;
    try {
      writeWhole(this.#file, PROBE, this.#length);
    } finally {
      await this.#requireWholeEnd();
    }
  }

  // There may be no next write, and a change that was not acknowledged must not be in the file after
  // a restart.
  #cutEnd(): void {
    try {
      this.#file.truncate(this.#length);
    } catch (error) {
      const { message: reason } = error as Error;
      this.#options.log.warn('the torn end of the data file was not cut off', { reason });
    }
  }

  async #sync(): Promise<void> {
    try {
      await this.#file.sync();
    } catch (error) {
      this.#broken = DISK_FAILED;
      throw error;
    }
  }

  // A change that is appended to a file without the name is lost. So nothing is written while it is
  // uncertain which file has the name, also after a power cut.
  async replaceFile(next: NextFile): Promise<void> {
    const old = this.#file;
    const never = Number.NEGATIVE_INFINITY;
    await this.#look(never);
    await this.#requireWholeEnd();
    try {
      await next.rename();
    } catch (error) {
      await this.#look(never);
      throw error;
    }
    this.#file = next.file;
    this.#schema = SCHEMA;
    this.#length = next.length;
    await old.close().catch(({ message: reason }) => {
      this.#options.log.warn('the old data file was not closed', { reason });
    });
  }
}

// The reason is in the log, as the cause.
function unavailable(cause: Error): JotError {
  return new JotError('unavailable', 'The change could not be stored; nothing was changed', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause,
  });
}
