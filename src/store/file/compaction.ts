// Compaction: a file to which changes are only ever added grows without end, most of it about rows that have changed again or
// are gone. So now and then the rows are written down anew, while everything goes on:
//
//   1. the rows as they are go into a new file, piece by piece, changes or not; only when more has come in than has been written
//      down do writers wait until that is even again, so the old file at most doubles what is alive;
//   2. the changes made since then are copied behind them, byte for byte, in slices between two batches of writes, each larger
//      than what came in during the last one: so it gets there however fast writers are;
//   3. writers wait for a moment: the last changes are copied, the new file is synced and takes the old one's name.
//
// A row that changed between 1 and 3 is newer in the snapshot than its place in the file says, or missing. That does no harm:
// a change says what a row is, not what to do to it, so applying it a second time changes nothing.
//
// If a row changes before 1 reaches it, the snapshot omits the row where possible. A new version of
// one row, together with old versions of others, could exceed the memory that a load may use.
//
// Until the new file has the name, the old one has everything, and whatever goes wrong leaves it as it is.

import { JotError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { Change, Tables } from '../memory/tables.ts';
import type { Compaction } from '../store.ts';
import type { DataFile, FileSystem } from './file-system.ts';
import { NextFile, nextIdsOf } from './next-file.ts';

// Below this there is nothing worth gaining.
const FILE_BYTES_MIN = 1024 * 1024;
// So much is copied at once while writers wait.
const SLICE_BYTES = 1024 * 1024;
// Looking for room costs one system call. Another failure may cost as much as a compaction.
const RETRY_WITHOUT_ROOM_MS = 1_000;
const RETRY_MS = 60_000;

/** Whether the last write went well, or went wrong, or was the last one that there will be. */
export type Health = 'well' | 'in trouble' | 'broken';

/** What a compaction works on. */
export interface CompactorOptions {
  readonly tables: Tables;
  readonly fileSystem: FileSystem;
  readonly path: string;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What a compaction needs to know of the journal, and to ask of it. */
export interface Compactable {
  readonly file: DataFile;
  /** The number of the last change in the file. */
  readonly seq: number;
  /** Bytes. */
  readonly length: number;
  readonly health: Health;
  /** Runs something while no change is on its way to the file. */
  exclusively<T>(task: () => Promise<T>): Promise<T>;
  /** Goes on in this file, which has been sealed, from now on. */
  replaceFile(next: NextFile): Promise<void>;
}

export class Compactor {
  readonly #journal: Compactable;
  readonly #options: CompactorOptions;
  #running: Promise<Compaction> | null = null;
  /** The file whose snapshot is being written. */
  #snapshotFile: NextFile | null = null;
  #isStopping = false;
  /** The weight of what was applied once but is not in the file any more. */
  #weightGone = 0;
  /** When the last attempt failed, and how long the next automatic one waits after it. */
  #failure = { timeMs: Number.NEGATIVE_INFINITY, waitMs: 0 };
  /** Why the last automatic attempt failed; null if it succeeded. */
  #reason: string | null = null;

  constructor(journal: Compactable, options: CompactorOptions) {
    this.#journal = journal;
    this.#options = options;
  }

  /** Compacts, unless it is under way already. */
  run(): Promise<Compaction> {
    return this.#start(async () => undefined);
  }

  /** Compacts in the background when more of the file is dead than alive. */
  runIfWorthwhile(): void {
    if (this.#running !== null || this.#isStopping || !this.#isWorthwhile()) return;
    const { timeMs, waitMs } = this.#failure;
    if (Math.abs(this.#options.now() - timeMs) < waitMs) return;
    this.#start(() => this.#requireRoom()).catch((error) => {
      const reason = String(error.details?.cause ?? error);
      if (this.#isStopping || reason === this.#reason) return;
      this.#reason = reason;
      this.#options.log.warn('the data file was not compacted', { reason });
    });
  }

  /** Called with changes that are in the file and applied. */
  noteApplied(changes: readonly Change[]): void {
    this.#snapshotFile?.leaveOut(changes);
  }

  /** Gives up what is under way. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running?.catch(() => undefined);
  }

  #isWorthwhile(): boolean {
    const { liveBytes: bytes } = this.#options.tables;
    const isMostlyDead = this.#fileWeight - bytes > bytes;
    return this.#journal.length >= FILE_BYTES_MIN && isMostlyDead;
  }

  /** Estimate of the bytes that a compaction would remove. */
  get deadBytes(): number {
    const alive = this.#fileWeight === 0 ? 1 : this.#options.tables.liveBytes / this.#fileWeight;
    return Math.round(this.#journal.length * (1 - alive));
  }

  get #fileWeight(): number {
    return this.#options.tables.appliedBytes - this.#weightGone;
  }

  // Nobody asked for it, so it must not take the room that writers need.
  async #requireRoom(): Promise<void> {
    const { fileSystem, path } = this.#options;
    const bytes = this.#journal.length - this.deadBytes + FILE_BYTES_MIN;
    if ((await fileSystem.freeBytes(path)) < bytes) throw new Error('there is no room for a second file');
  }

  #start(prepare: () => Promise<void>): Promise<Compaction> {
    this.#running ??= this.#run(prepare).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run(prepare: () => Promise<void>): Promise<Compaction> {
    const bytesBefore = this.#journal.length;
    let waitMs = RETRY_WITHOUT_ROOM_MS;
    try {
      await prepare();
      waitMs = RETRY_MS;
      await this.#rewrite();
    } catch (cause) {
      this.#failure = { timeMs: this.#options.now(), waitMs };
      const message = `The data file was not compacted: ${(cause as Error).message}`;
      throw new JotError('unavailable', message, { cause });
    }
    this.#reason = null;
    const bytesAfter = this.#journal.length;
    this.#options.log.info('the data file was compacted', {
      bytes_before: bytesBefore,
      bytes_after: bytesAfter,
    });
    return { bytesBefore, bytesAfter };
  }

  async #rewrite(): Promise<void> {
    const journal = this.#journal;
    const { tables, fileSystem, path, log } = this.#options;
    const requireUse = this.#createUseCheck();
    const next = await NextFile.create(fileSystem, path);
    try {
      const { seq, start, weightGone } = await journal.exclusively(async () => {
        this.#snapshotFile = next;
        const weightGone = tables.appliedBytes - tables.liveBytes;
        return { seq: journal.seq, start: journal.length, weightGone };
      });
      await this.#writeSnapshot(next, requireUse);
      this.#snapshotFile = null;
      const copied = await this.#catchUp(next, start, requireUse);
      await next.sync();
      await journal.exclusively(async () => {
        requireUse();
        await next.copy(journal.file, copied, journal.length);
        await next.seal({ seq, through: journal.seq, next: nextIdsOf(tables) });
        await journal.replaceFile(next);
      });
      this.#weightGone = weightGone;
    } catch (error) {
      this.#snapshotFile = null;
      if (journal.file !== next.file) await next.discard(log);
      throw error;
    }
  }

  async #writeSnapshot(next: NextFile, requireUse: () => void): Promise<void> {
    const journal = this.#journal;
    const start = journal.length;
    const pieces = next.writeSnapshot(this.#options.tables);
    const areWritersAhead = () => journal.length - start > next.length;
    let isDone: boolean | undefined = false;
    const writePiece = async () => {
      requireUse();
      ({ done: isDone } = await pieces.next());
    };
    while (!isDone) {
      await writePiece();
      // While the journal grows faster than the new file, writers wait for the compaction.
      if (areWritersAhead())
        await journal.exclusively(async () => {
          while (!isDone && areWritersAhead()) await writePiece();
        });
    }
  }

  async #catchUp(next: NextFile, start: number, requireUse: () => void): Promise<number> {
    const journal = this.#journal;
    let copied = start;
    for (let slice = SLICE_BYTES; journal.length - copied > slice; ) {
      requireUse();
      const { length } = journal;
      const end = Math.min(length, copied + slice);
      await journal.exclusively(() => next.copy(journal.file, copied, end));
      copied = end;
      slice = Math.max(SLICE_BYTES, 2 * (journal.length - length));
    }
    return copied;
  }

  // When the disk gets full meanwhile, writers need the room more. One that was full before may get room by this.
  #createUseCheck(): () => void {
    const journal = this.#journal;
    const before = journal.health;
    const requireUse = () => {
      if (this.#isStopping) throw new Error('the store is being closed');
      const isWorse = journal.health !== before && journal.health !== 'well';
      if (isWorse || journal.health === 'broken') throw new Error("the data file can't be written");
    };
    requireUse();
    return requireUse;
  }
}
