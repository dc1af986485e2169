// The journal of a data file: changes go into the file one batch after the other, and then into the
// tables that reads see.
//
// Two errors are final: a failed sync, and a file that another program moved or changed. All others
// pass, so each write tries every step again. When writes fail, `/readyz` makes a load balancer
// keep clients away, and no write would find out that the error has passed. So `status` writes a
// probe. The probe takes every step of a write, since a shorter one could succeed while writes
// fail. It waits its turn among the writes, since a concurrent one would look like another
// program's change.

import { setImmediate as turn } from 'node:timers/promises';
import { JotError } from '../../lib/errors.ts';
import type { Metric } from '../../lib/metric.ts';
import { SCHEMA } from '../lift.ts';
import type { Journal } from '../memory/journaled-store.ts';
import type { Change, Tables } from '../memory/tables.ts';
import type { Compaction, StoreStatus } from '../store.ts';
import { type Compactable, Compactor, type Health } from './compaction.ts';
import { FileEnd, type FileEndOptions } from './file-end.ts';
import type { DataFile, FileSystem } from './file-system.ts';
import type { NextFile } from './next-file.ts';
import { encodeChange } from './record.ts';

// Encoding takes a millisecond or two for so much.
const BYTES_PER_TURN = 256 * 1024;
const RETRY_AFTER_SECONDS = 5;
const LOOK_INTERVAL_MS = 1_000;
const PROBE_INTERVAL_MS = 1_000;
// Any client can read these, so they name no path and no system error; the log does.
const IN_TROUBLE = 'Changes cannot be stored at the moment; the log has the reason';
const MEDDLED = 'Another program moved or changed the data file; nothing is written until a restart';
const DISK_FAILED = 'The disk failed; nothing is written until Jot is restarted';

export interface FileJournalOptions extends FileEndOptions {
  readonly fileSystem: FileSystem;
  readonly path: string;
  /** The rows in the file. */
  readonly tables: Tables;
  /** The number of the last change in the file. */
  readonly seq: number;
  /** The schema in the file's first line. */
  readonly schema: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly release: () => Promise<void>;
}

export class FileJournal implements Journal, Compactable {
  readonly metrics: readonly Metric[] = [
    { name: 'jot_data_file_bytes', help: 'Size of the data file.', read: () => this.length },
    {
      name: 'jot_data_file_dead_bytes',
      help: 'Estimated part of the data file that a compaction would remove.',
      read: () => this.#compactor.deadBytes,
    },
  ];
  readonly #options: FileJournalOptions;
  readonly #compactor: Compactor;
  #end: FileEnd;
  #seq: number;
  #schema: number;
  /** Settles when the last exclusive task so far is done. */
  #last: Promise<unknown> = Promise.resolve();
  /** Why the last attempt to write failed; null if it succeeded. */
  #trouble: string | null = null;
  #isMeddledWith = false;
  /** When the file was last found in its place and unchanged. */
  #lookedMs = Number.NEGATIVE_INFINITY;
  #probedMs = Number.NEGATIVE_INFINITY;
  #probing: Promise<unknown> | null = null;

  constructor(options: FileJournalOptions) {
    this.#options = options;
    this.#end = new FileEnd(options);
    this.#seq = options.seq;
    this.#schema = options.schema;
    this.#compactor = new Compactor(this, options);
  }

  get file(): DataFile {
    return this.#end.file;
  }

  get seq(): number {
    return this.#seq;
  }

  get length(): number {
    return this.#end.length;
  }

  /** Why nothing is written until a restart; null if writes are tried. */
  get #broken(): string | null {
    if (this.#end.hasFailed) return DISK_FAILED;
    return this.#isMeddledWith ? MEDDLED : null;
  }

  get health(): Health {
    if (this.#broken !== null) return 'broken';
    return this.#trouble === null ? 'well' : 'in trouble';
  }

  /** Cuts off a torn end. If that fails, it is tried again before each write. */
  async start(): Promise<void> {
    const { now } = this.#options;
    if (this.#end.isTorn) await this.exclusively(() => this.#attempt(now(), async () => undefined));
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
      await this.exclusively(() => this.#end.file.close());
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
    const lines: Buffer[] = [];
    let unpausedBytes = 0;
    // Each line becomes bytes outside V8's heap before the next line is encoded.
    for (const [index, change] of changes.entries()) {
      const record = { seq: first + index, first, time, changes: change };
      const line = Buffer.from(encodeChange(record, this.#schema));
      lines.push(line);
      unpausedBytes += line.length;
      if (unpausedBytes < BYTES_PER_TURN) continue;
      unpausedBytes = 0;
      await turn();
    }
    const error = await this.#attempt(time, () => this.#end.append(Buffer.concat(lines)));
    if (error !== null) throw unavailable(error);
    this.#seq += changes.length;
    this.#options.tables.apply(changes);
    this.#compactor.noteApplied(changes);
  }

  // Any client can ask for the status, so a probe is shared, and at most one a second is written.
  async #probe(): Promise<void> {
    const time = this.#options.now();
    if (this.#probing === null && Math.abs(time - this.#probedMs) >= PROBE_INTERVAL_MS) {
      this.#probedMs = time;
      this.#probing = this.exclusively(() => this.#attempt(time, () => this.#end.probe()));
      await this.#probing;
      this.#probing = null;
    }
    await this.#probing;
  }

  /** Runs the steps of a write, of which `write` is the last. Resolves to the error, or null. */
  async #attempt(time: number, write: () => Promise<void>): Promise<Error | null> {
    const { log } = this.#options;
    try {
      if (this.#broken !== null) throw new Error(this.#broken);
      // Too rare to ask the disk before every write.
      if (Math.abs(time - this.#lookedMs) >= LOOK_INTERVAL_MS) await this.#look(time);
      await this.#end.requireWhole();
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

  // Another program may move the file away, or copy another file over it. Changes that are appended
  // then would be lost.
  async #look(time: number): Promise<void> {
    if (!(await this.#end.isAsLeft(this.#options.path))) {
      this.#isMeddledWith = true;
      throw new Error('another file is in its place');
    }
    this.#lookedMs = time;
  }

  // A change that is appended to a file without the name is lost. So nothing is written while it is
  // uncertain which file has the name, also after a power cut.
  async replaceFile(next: NextFile): Promise<void> {
    const { log } = this.#options;
    const old = this.#end.file;
    const never = Number.NEGATIVE_INFINITY;
    await this.#look(never);
    await this.#end.requireWhole();
    try {
      await next.rename();
    } catch (error) {
      await this.#look(never);
      throw error;
    }
    this.#end = new FileEnd({ file: next.file, length: next.length, setTornEndAside: null, log });
    this.#schema = SCHEMA;
    await old.close().catch(({ message: reason }) => {
      log.warn('the old data file was not closed', { reason });
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
