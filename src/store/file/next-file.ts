// A data file in the making, beside the one whose place it is to take. It gets that one's name only when all of it is on the
// disk, so a crash at any time leaves the old file or the new one, and at worst a stray file that the next start removes.

import { basename, dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { ignoreMissing } from '../../lib/file-access.ts';
import type { Log } from '../../lib/log.ts';
import { byCollection, collectionNames, type Id } from '../collections.ts';
import type { Change, Tables } from '../memory/tables.ts';
import { type DataFile, type FileSystem, readPieces, writeWhole, writeWholeAsync } from './file-system.ts';
import { encodeHeader, encodeSnapshotRow, HEADER_BYTES, type NextIds } from './record.ts';

// Rows are put into words in pieces of this size, and the thread is given up behind each.
const CHUNK_BYTES = 256 * 1024;
// What waits in the page cache for much longer makes everybody's `fdatasync` wait.
const SYNC_BYTES = 8 * 1024 * 1024;

export class NextFile {
  readonly file: DataFile;
  readonly #path: string;
  readonly #target: string;
  readonly #fileSystem: FileSystem;
  /** Ids of the rows to leave out of the snapshot. */
  readonly #leftOut = byCollection(() => new Set<Id>());
  #length = HEADER_BYTES;
  #snapshotLines = 0;
  #unsyncedBytes = 0;

  private constructor(fileSystem: FileSystem, target: string, file: DataFile) {
    this.#fileSystem = fileSystem;
    this.#path = besidePath(target);
    this.#target = target;
    this.file = file;
  }

  /** Begins one; what an interrupted one left is gone. It belongs to whom the one belongs that it replaces. */
  static async create(fileSystem: FileSystem, target: string): Promise<NextFile> {
    await removeLeftover(fileSystem, target);
    const next = new NextFile(fileSystem, target, await fileSystem.open(besidePath(target), 'create'));
    try {
      await next.file.belongLike(target).catch(ignoreMissing);
      return next;
    } catch (error) {
      await next.discard();
      throw error;
    }
  }

  /** Bytes, the first line included. */
  get length(): number {
    return this.#length;
  }

  /**
   * Writes the rows, one piece per step; rows may change between steps. Rows created after the
   * start are left out, since the changes that create them follow in the file.
   *
   * Changed rows that own nothing are left out likewise (`leaveOut`). With them, the snapshot would
   * mix old versions of some rows with new versions of others. Together they could need more memory
   * than the store ever held, and the next start might refuse the file.
   *
   * Owners are written before the rows they own, so each row in a snapshot has its owner in the
   * snapshot too. Otherwise a row could be written and then removed together with its owner, before
   * the owner is written. A later reader would apply the owner's removal, find no owner, and keep
   * the row.
   */
  async *writeSnapshot(tables: Tables): AsyncGenerator<void, void> {
    // Skipping rows that wait to be purged would take a single turn for all of them.
    while (tables.purge() > 0) {
      await turn();
      yield;
    }
    for (const piece of this.#piecesOf(tables)) {
      await this.#append(piece);
      yield;
    }
  }

  // One buffer for all lines: a buffer per line would trigger garbage collections, which pause
  // every request.
  *#piecesOf(tables: Tables): Generator<Uint8Array, void> {
    const ends = nextIdsOf(tables);
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let filled = 0;
    for (const name of collectionNames) {
      for (const row of tables.rows(name)) {
        if (row.id >= (ends[name] ?? 0)) continue;
        if (this.#leftOut[name].has(row.id) && !tables.owns(name, row.id)) continue;
        const line = encodeSnapshotRow(++this.#snapshotLines, name, row);
        const bytes = Buffer.byteLength(line);
        if (filled + bytes > CHUNK_BYTES) {
          yield chunk.subarray(0, filled);
          filled = 0;
        }
        if (bytes > CHUNK_BYTES) yield Buffer.from(line);
        else filled += chunk.write(line, filled);
      }
    }
    yield chunk.subarray(0, filled);
  }

  /**
   * Omits from the snapshot each row that these changes put, unless it owns rows by then. The
   * changes follow in the file.
   */
  leaveOut(changes: readonly Change[]): void {
    for (const effect of changes.flat()) {
      if ('put' in effect) this.#leftOut[effect.put].add(effect.row.id);
    }
  }

  /** Copies a piece of another file to the end of this one. */
  async copy(from: DataFile, start: number, end: number): Promise<void> {
    const wanted = this.#length + end - start;
    for await (const piece of readPieces(from, start, end)) await this.#append(piece);
    if (this.#length < wanted) throw new Error('the data file is shorter than what was written to it');
  }

  /** Waits until all that was written so far is on the disk. */
  async sync(): Promise<void> {
    this.#unsyncedBytes = 0;
    await this.file.sync();
  }

  /** Writes the first line, now that what it says is known. Nothing can be added any more. */
  async seal(header: {
    readonly seq: number;
    readonly through: number;
    readonly next: NextIds;
  }): Promise<void> {
    writeWhole(this.file, Buffer.from(encodeHeader({ ...header, snapshot: this.#snapshotLines })), 0);
    await this.sync();
  }

  /** Renames this file to the target, durably. */
  async rename(): Promise<void> {
    await this.#fileSystem.rename(this.#path, this.#target);
  }

  /** Gives it up. What is left of it the next start removes; why it was given up matters more. */
  async discard(log?: Log): Promise<void> {
    const leave = ({ message }: Error) => log?.warn('a new data file was left over', { reason: message });
    await this.file.close().catch(leave);
    await removeLeftover(this.#fileSystem, this.#target).catch(leave);
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await writeWholeAsync(this.file, bytes, this.#length);
    this.#length += bytes.length;
    this.#unsyncedBytes += bytes.length;
    if (this.#unsyncedBytes >= SYNC_BYTES) await this.sync();
  }
}

/** Writes a new data file with these rows into its place. The caller owns the place. */
export async function writeDataFile(
  fileSystem: FileSystem,
  path: string,
  tables: Tables,
  seq = 0,
): Promise<DataFile> {
  const nextFile = await NextFile.create(fileSystem, path);
  try {
    for await (const _ of nextFile.writeSnapshot(tables));
    await nextFile.seal({ seq, through: seq, next: nextIdsOf(tables) });
    await nextFile.rename();
    return nextFile.file;
  } catch (error) {
    await nextFile.discard();
    throw error;
  }
}

/** Removes what an interrupted attempt to replace this file left behind. */
export async function removeLeftover(fileSystem: FileSystem, path: string): Promise<void> {
  await fileSystem.remove(besidePath(path)).catch(ignoreMissing);
}

export function nextIdsOf(tables: Tables): NextIds {
  return Object.fromEntries(collectionNames.map((name) => [name, tables.nextId(name)]));
}

function besidePath(path: string): string {
  return join(dirname(path), `.${basename(path)}.new`);
}
