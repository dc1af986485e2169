// What can be saved of a damaged data file. A line that is not whole is dropped, and everything whole is kept, also behind
// it: a change says what a row is, so most of them mean the same with or without their neighbours.
//
// But something is missing, and nobody knows what it said. So what depends on a row that is gone goes with it; of two
// rows with the same unique key the one that was written later stays; ids that the missing changes may have given out are
// not given out again; and every session ends, since a missing change may have been a logout or a new password.
//
// The damaged file itself is kept as it is.

import { JotError } from '../../lib/errors.ts';
import { collectionNames } from '../collections.ts';
import { type Misfit, misfitsIn } from '../integrity.ts';
import { type Change, Tables } from '../tables.ts';
import { besideWithTime, setAside } from './aside.ts';
import { type DataFile, ignoreMissing, realFileSystem } from './file-system.ts';
import { readLines } from './lines.ts';
import { load } from './load.ts';
import { writeDataFile } from './next-file.ts';
import { closed, type OfflineOptions, withDataFile } from './offline.ts';
import {
  DamageError,
  decodeChange,
  decodeHeader,
  decodeSnapshotRow,
  type Header,
  requireRows,
  VersionError,
} from './record.ts';

const HEADER_START = '{"format":';
const SNAPSHOT_START = '{"snapshot":';
// More rows than one change ever makes.
const IDS_PER_MISSING_CHANGE = 1_000;
// The first line says which ids were given out to rows that are gone. Without it nobody knows.
const IDS_WITHOUT_HEADER = 1_000_000;

export interface RepairOptions extends OfflineOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface Place {
  /** From 1. */
  readonly line: number;
  /** Where it starts in the file. */
  readonly byte: number;
}

/** A line that is dropped, or a place where lines are missing. */
export interface Loss extends Place {
  readonly reason: string;
}

export interface Repair {
  readonly lines: number;
  readonly losses: readonly Loss[];
  /** Rows that cannot be there without what is missing. */
  readonly misfits: readonly Misfit[];
  readonly sessionsEnded: number;
  /** What is left. */
  readonly tables: Tables;
  /** Where the damaged file is kept. */
  readonly original: string;
}

/**
 * Replaces a damaged data file by one with everything in it that is whole.
 *
 * @returns what was done; null when there is no damage, or none but an unfinished end, which every start sets aside.
 * @throws JotError `unavailable` when another process has the file, or nothing in it can be read; it is as it was.
 */
export async function repairDataFile(path: string, options: RepairOptions): Promise<Repair | null> {
  const { fileSystem = realFileSystem } = options;
  return withDataFile(path, async (realPath) => {
    const file = await fileSystem.open(realPath, 'read');
    try {
      return (await isSound(file, realPath)) ? null : await repair(file, realPath, options);
    } finally {
      await file.close();
    }
  });
}

async function isSound(file: DataFile, path: string): Promise<boolean> {
  try {
    await load(file, path, new Tables());
    return true;
  } catch (error) {
    if (error instanceof JotError && error.details.cause instanceof DamageError) return false;
    throw error;
  }
}

async function repair(file: DataFile, path: string, options: RepairOptions): Promise<Repair> {
  const { fileSystem = realFileSystem, now, onProgress } = options;
  const salvage = new Salvage(path);
  for await (const block of readLines(file, onProgress)) {
    for (const { bytes, offset } of block) salvage.take(bytes, offset);
  }
  const saved = salvage.finish();
  const original = besideWithTime(path, 'damaged', now);
  await setAside(fileSystem, file, 0, original);
  try {
    await closed(writeDataFile(fileSystem, path, saved.tables, { seq: saved.seq, onProgress }));
  } catch (error) {
    // As long as the file is in its place, a copy of it is only in the way.
    if (await file.isAt(path)) await fileSystem.remove(original).catch(ignoreMissing);
    throw error;
  }
  return { ...saved, original };
}

class Salvage {
  readonly #path: string;
  readonly #tables = new Tables();
  readonly #losses: Loss[] = [];
  #lines = 0;
  #bytes = 0;
  #rowsRead = 0;
  #header: Header | null = null;
  /** The last line of the snapshot so far. */
  #snapshotNumber = 0;
  /** The number of the last change, once one is known. */
  #seq: number | null = null;
  #hasChanges = false;
  #missingChanges = 0;

  constructor(path: string) {
    this.#path = path;
  }

  take(line: Buffer, byte: number): void {
    this.#lines++;
    this.#bytes = byte + line.length;
    const place = { line: this.#lines, byte };
    try {
      if (this.#lines === 1 && startsWith(line, HEADER_START)) this.#takeHeader(line);
      else if (startsWith(line, SNAPSHOT_START)) this.#takeSnapshotRow(line, place);
      else this.#takeChange(line, place);
    } catch (error) {
      if (error instanceof VersionError || !(error instanceof DamageError)) throw this.#refused(error);
      this.#losses.push({ ...place, reason: error.message });
      return;
    }
    const isHeaderMissing = this.#lines === 1 && this.#header === null;
    if (isHeaderMissing) this.#losses.push({ ...place, reason: 'the first line is not here' });
  }

  finish(): Omit<Repair, 'original'> & { seq: number } {
    const end = { line: this.#lines, byte: this.#bytes };
    this.#endSnapshot(end);
    if (this.#header !== null) this.#noteChangesUpTo(this.#header.through, end);
    if (this.#rowsRead === 0) throw this.#refused(new DamageError('nothing in it can be read'));
    this.#skipIds();
    const tables = this.#tables;
    const sessionsEnded = tables.count('sessions');
    for (const { id } of [...tables.rows('sessions')]) tables.apply([[{ remove: 'sessions', id }]]);
    const misfits = removeMisfits(tables);
    return {
      lines: this.#lines,
      losses: this.#losses,
      misfits,
      sessionsEnded,
      tables,
      seq: this.#seq ?? 0,
    };
  }

  #takeHeader(line: Buffer): void {
    this.#header = decodeHeader(line);
    this.#seq = this.#header.seq;
    for (const name of collectionNames) this.#tables.reserveIds(name, this.#header.next[name] ?? 1);
  }

  // Rows of a snapshot can come in any order, but not behind a change, which is newer than they are.
  #takeSnapshotRow(line: Buffer, place: Place): void {
    const { number, changes } = decodeSnapshotRow(line);
    const expected = this.#snapshotNumber + 1;
    if (this.#hasChanges) throw new DamageError(`line ${number} of the snapshot comes behind a change`);
    if (number < expected && this.#isKnown(changes))
      throw new DamageError(`line ${number} of the snapshot is here again`);
    this.#noteRowsUpTo(number - 1, place);
    this.#snapshotNumber = Math.max(number, this.#snapshotNumber);
    this.#apply(changes);
  }

  #takeChange(line: Buffer, place: Place): void {
    const { seq, changes } = decodeChange(line);
    const last = this.#seq ?? seq - 1;
    if (seq <= last) throw new DamageError(`change ${seq} comes behind change ${last}`);
    this.#apply(changes);
    this.#endSnapshot(place);
    this.#noteChangesUpTo(seq - 1, place);
    this.#seq = seq;
  }

  #endSnapshot(place: Place): void {
    if (this.#hasChanges) return;
    this.#hasChanges = true;
    this.#noteRowsUpTo(this.#header?.snapshot ?? 0, place);
  }

  #noteRowsUpTo(last: number, place: Place): void {
    const first = this.#snapshotNumber + 1;
    if (first > last) return;
    this.#losses.push({ ...place, reason: missing('line', 'of the snapshot', first, last) });
    this.#snapshotNumber = last;
  }

  #noteChangesUpTo(last: number, place: Place): void {
    const first = (this.#seq ?? last) + 1;
    if (first > last) return;
    this.#losses.push({ ...place, reason: missing('change', '', first, last) });
    this.#missingChanges += last - first + 1;
    this.#seq = last;
  }

  #skipIds(): void {
    const withoutHeader = this.#header === null ? IDS_WITHOUT_HEADER + (this.#seq ?? 0) : 0;
    const skipped = (this.#missingChanges + this.#losses.length) * IDS_PER_MISSING_CHANGE + withoutHeader;
    for (const name of collectionNames) {
      const nextId = Math.min(this.#tables.nextId(name) + skipped, Number.MAX_SAFE_INTEGER);
      this.#tables.reserveIds(name, nextId);
    }
  }

  #isKnown(change: Change): boolean {
    return change.some((effect) => 'put' in effect && this.#tables.find(effect.put, effect.row.id));
  }

  #apply(change: Change): void {
    requireRows(change);
    this.#tables.apply([change]);
    this.#rowsRead++;
  }

  #refused(error: unknown): unknown {
    if (!(error instanceof DamageError)) return error;
    return new JotError('unavailable', `The data file ${this.#path} can't be repaired: ${error.message}`);
  }
}

function missing(what: string, where: string, first: number, last: number): string {
  const numbers = first === last ? `${what} ${first}` : `${what}s ${first} to ${last}`;
  return `${numbers} ${where} ${first === last ? 'is' : 'are'} not here`.replace('  ', ' ');
}

function startsWith(line: Buffer, text: string): boolean {
  return line.toString('latin1', 0, text.length) === text;
}

// Removing one row can leave others without their owner, so it goes on until nothing is left to remove. A key may have been
// given up by a row that took it from another one, whose change is missing: that one has it again, unless there is a third.
function removeMisfits(tables: Tables): Misfit[] {
  let removed: Misfit[] = [];
  for (;;) {
    let found = misfitsInAll(tables);
    if (found.length === 0) {
      claimKeys(tables);
      found = misfitsInAll(tables);
    }
    if (found.length === 0) return removed;
    tables.apply([found.map(({ name, row }) => ({ remove: name, id: row.id }))]);
    removed = removed.concat(found);
  }
}

function misfitsInAll(tables: Tables): Misfit[] {
  return collectionNames.flatMap((name) => misfitsIn(tables, name));
}

function claimKeys(tables: Tables): void {
  for (const name of collectionNames) {
    for (const row of tables.rows(name)) tables.apply([[{ put: name, row }]]);
  }
}
