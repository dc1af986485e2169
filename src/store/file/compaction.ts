// Compaction: a file to which changes are only ever added grows without end, most of it about rows that have changed again or
// are gone. So now and then the rows are written down anew, while everything goes on:
//
//   1. the rows as they are go into a new file, piece by piece, changes or not;
//   2. the changes made since then are copied behind them, byte for byte, until few are left;
//   3. writers wait for a moment: the last changes are copied, the new file is synced and takes the old one's name.
//
// A row that changed between 1 and 3 is newer in the snapshot than its place in the file says, or missing. That does no harm:
// a change says what a row is, not what to do to it, so applying it a second time changes nothing.
//
// Until the new file has the name, the old one has everything, and whatever goes wrong leaves it as it is.

import { JotError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { Compaction, OnProgress } from '../store.ts';
import type { Tables } from '../tables.ts';
import type { DataFile, FileSystem } from './file-system.ts';
import { NextFile, nextIdsOf } from './next-file.ts';

// Below this there is nothing worth gaining.
const FILE_BYTES_MIN = 1024 * 1024;
// So much is copied while writers wait.
const CATCH_UP_BYTES = 256 * 1024;

/** Whether the last write went well, or went wrong, or was the last one that there will be. */
export type Health = 'well' | 'in trouble' | 'broken';

/** What a compaction needs to know of the journal, and to ask of it. */
export interface Compactable {
  readonly options: { readonly tables: Tables; readonly fileSystem: FileSystem; readonly path: string };
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
  readonly #log: Log;
  #running: Promise<Compaction> | null = null;
  #isStopping = false;
  /** The weight of what was applied once but is not in the file any more. */
  #weightGone = 0;
  /** After a failure, how heavy the file must be for the next attempt. */
  #weightMin = 0;

  constructor(journal: Compactable, log: Log) {
    this.#journal = journal;
    this.#log = log;
  }

  /** Compacts, unless it is under way already. */
  run(onProgress?: OnProgress): Promise<Compaction> {
    this.#running ??= this.#run(onProgress).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Compacts in the background when more of the file is dead than alive. */
  runIfWorthwhile(): void {
    if (this.#running !== null || this.#isStopping || !this.#isWorthwhile()) return;
    this.run().catch((error) => {
      this.#log.warn('the data file was not compacted', { reason: String(error.details?.cause ?? error) });
    });
  }

  /** Gives up what is under way. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running?.catch(() => undefined);
  }

  #isWorthwhile(): boolean {
    const { liveWeight } = this.#tables;
    const isMostlyDead = this.#fileWeight - liveWeight > liveWeight;
    return this.#journal.length >= FILE_BYTES_MIN && isMostlyDead && this.#fileWeight >= this.#weightMin;
  }

  get #tables(): Tables {
    return this.#journal.options.tables;
  }

  get #fileWeight(): number {
    return this.#tables.appliedWeight - this.#weightGone;
  }

  async #run(onProgress: OnProgress | undefined): Promise<Compaction> {
    const bytesBefore = this.#journal.length;
    try {
      await this.#rewrite(onProgress);
    } catch (cause) {
      this.#weightMin = this.#fileWeight + this.#tables.liveWeight;
      const message = `The data file was not compacted: ${(cause as Error).message}`;
      throw new JotError('unavailable', message, { cause });
    }
    const bytesAfter = this.#journal.length;
    this.#log.info('the data file was compacted', { bytes_before: bytesBefore, bytes_after: bytesAfter });
    return { bytesBefore, bytesAfter };
  }

  async #rewrite(onProgress: OnProgress | undefined): Promise<void> {
    const journal = this.#journal;
    const { tables, fileSystem, path } = journal.options;
    const { seq, length: start } = journal;
    const { appliedWeight, liveWeight } = tables;
    const requireUse = this.#createUseCheck();
    const next = await NextFile.create(fileSystem, path);
    try {
      await next.writeSnapshot(tables, { onProgress, requireUse });
      const copied = await this.#catchUp(next, start, requireUse);
      await next.sync();
      await journal.exclusively(async () => {
        requireUse();
        await next.copy(journal.file, copied, journal.length);
        await next.seal({ seq, through: journal.seq, next: nextIdsOf(tables) });
        await journal.replaceFile(next);
      });
    } catch (error) {
      if (journal.file !== next.file) await this.#discard(next);
      throw error;
    }
    this.#weightGone = appliedWeight - liveWeight;
  }

  // What is left of it the next start removes; why it was given up matters more.
  async #discard(next: NextFile): Promise<void> {
    await next
      .discard()
      .catch(({ message }) => this.#log.warn('a new data file was left over', { reason: message }));
  }

  async #catchUp(next: NextFile, start: number, requireUse: () => void): Promise<number> {
    let copied = start;
    while (this.#journal.length - copied > CATCH_UP_BYTES) {
      requireUse();
      const end = this.#journal.length;
      await next.copy(this.#journal.file, copied, end);
      copied = end;
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
