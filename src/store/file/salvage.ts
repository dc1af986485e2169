// What can be saved of a damaged data file. A line that is not whole is dropped, and everything whole is kept, also behind
// it: a change says what a row is, so most of them mean the same with or without their neighbours.
//
// But something is missing, and nobody knows what it said. So what depends on a row that is gone goes with it; of two
// rows with the same unique key the one that was written later stays; ids that the missing changes may have given out are
// not given out again; and every session ends, since a missing change may have been a logout or a new password.
//
// A CR at the end of a line is ignored: if another program converted the line ends, no data is
// missing.

import { JotError } from '../../lib/errors.ts';
import { collectionNames } from '../collections.ts';
import { DamageError, NewerError } from '../damage.ts';
import { COUNTER_GIVEN_MAX } from '../declaration.ts';
import { SCHEMA } from '../lift.ts';
import type { Tables } from '../memory/tables.ts';
import { type Misfit, removeMisfits } from '../validate-rows.ts';
import type { DataFile } from './file-system.ts';
import type { Line } from './lines.ts';
import {
  decodeChange,
  decodeHeader,
  decodeSnapshotRow,
  type Header,
  liftChange,
  requireRows,
  tooLong,
  type Written,
} from './record.ts';
import { RowsInFile } from './rows-in-file.ts';
import { withoutCr } from './seal.ts';

const HEADER_START = '{"format":';
const SNAPSHOT_START = '{"snapshot":';
// More rows than one change ever makes.
const IDS_PER_MISSING_CHANGE = 1_000;
// The first line says which ids were given out to rows that are gone. Without it nobody knows.
const IDS_WITHOUT_HEADER = 1_000_000;
// Of a file that is damaged throughout, only so many losses are told one by one.
const LOSSES_KEPT_MAX = 1_000;

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

export interface Salvaged {
  readonly lines: number;
  /** The first of them. */
  readonly losses: readonly Loss[];
  readonly lossCount: number;
  /** Reasons for which rows were rejected whose only fault is their shape, one sentence each. */
  readonly misshapen: readonly string[];
  /** Rows that cannot be there, most of them without what is missing. */
  readonly misfits: readonly Misfit[];
  readonly sessionsEnded: number;
  /** What is left. */
  readonly tables: Tables;
  /** The number of the last change. */
  readonly seq: number;
}

export class Salvage {
  /** The file's name in messages. */
  readonly #path: string;
  readonly #rows: RowsInFile;
  readonly #tables: Tables;
  readonly #losses: Loss[] = [];
  #lossCount = 0;
  #lines = 0;
  #bytes = 0;
  #rowsRead = 0;
  #header: Header | null = null;
  readonly #misshapen: string[] = [];
  readonly #snapshotNumbers = new Set<number>();
  /** The last line of the snapshot so far. */
  #snapshotNumber = 0;
  /** The number of the last change, once one is known. */
  #seq: number | null = null;
  #hasChanges = false;
  #missingChanges = 0;

  /** @param file Must stay open for as long as the rows are used. */
  constructor(path: string, file: DataFile) {
    this.#path = path;
    this.#rows = new RowsInFile(file, path);
    this.#tables = this.#rows.createTables();
  }

  /** @throws JotError `unavailable` for a file of a later version. */
  take(line: Line): void {
    this.#lines++;
    this.#bytes = line.end;
    const place = { line: this.#lines, byte: line.offset };
    try {
      this.#takeWhole(line, place);
    } catch (error) {
      if (error instanceof NewerError || !(error instanceof DamageError)) throw this.#refused(error);
      this.#lose(place, error.message);
      return;
    }
    const isHeaderMissing = this.#lines === 1 && this.#header === null;
    if (isHeaderMissing) this.#lose(place, 'the first line is not here');
  }

  /** How many lines had something to keep. */
  get rowsRead(): number {
    return this.#rowsRead;
  }

  /** @throws JotError `unavailable` when nothing can be saved. */
  finish(): Salvaged {
    const end = { line: this.#lines, byte: this.#bytes };
    this.#endSnapshot(end);
    if (this.#header !== null) this.#noteChangesUpTo(this.#header.through, end);
    if (this.#rowsRead === 0) throw this.#refused(new DamageError('nothing in it can be read'));
    this.#skipIds();
    const tables = this.#tables;
    const ids = this.#lossCount === 0 ? [] : Array.from(tables.rows('sessions'), ({ id }) => id);
    for (const id of ids) tables.apply([[{ remove: 'sessions', id }]]);
    const misfits = removeMisfits(tables);
    return {
      lines: this.#lines,
      losses: this.#losses,
      lossCount: this.#lossCount,
      misshapen: this.#misshapen,
      misfits,
      sessionsEnded: ids.length,
      tables,
      seq: this.#seq ?? 0,
    };
  }

  #takeWhole(line: Line, place: Place): void {
    if (line.isTooLong) throw tooLong();
    const bytes = withoutCr(line.bytes);
    if (this.#lines === 1 && startsWith(bytes, HEADER_START)) this.#takeHeader(bytes);
    else if (startsWith(bytes, SNAPSHOT_START)) this.#takeSnapshotRow(bytes, place);
    else this.#takeChange(bytes, place);
  }

  #takeHeader(line: Buffer): void {
    this.#header = decodeHeader(line);
    this.#seq = this.#header.seq;
    this.#rows.fileSchema = this.#header.schema;
    for (const name of collectionNames) this.#tables.reserveIds(name, this.#header.next[name] ?? 1);
  }

  // Rows of a snapshot can come in any order, but not behind a change, which is newer than they are.
  #takeSnapshotRow(line: Buffer, place: Place): void {
    const { number, ...written } = decodeSnapshotRow(line);
    if (this.#hasChanges) throw new DamageError(`line ${number} of the snapshot comes behind a change`);
    if (this.#snapshotNumbers.has(number))
      throw new DamageError(`line ${number} of the snapshot is here again`);
    this.#snapshotNumbers.add(number);
    this.#noteRowsUpTo(number - 1, place);
    this.#snapshotNumber = Math.max(number, this.#snapshotNumber);
    this.#apply(written, place);
  }

  #takeChange(line: Buffer, place: Place): void {
    const { seq, ...written } = decodeChange(line);
    const last = this.#seq ?? seq - 1;
    if (seq <= last) throw new DamageError(`change ${seq} comes behind change ${last}`);
    this.#apply(written, place);
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
    this.#lose(place, missing('line', first, last, ' of the snapshot'));
    this.#snapshotNumber = last;
  }

  #noteChangesUpTo(last: number, place: Place): void {
    const first = (this.#seq ?? last) + 1;
    if (first > last) return;
    this.#lose(place, missing('change', first, last));
    this.#missingChanges += last - first + 1;
    this.#seq = last;
  }

  #lose(place: Place, reason: string): void {
    this.#lossCount++;
    if (this.#losses.length < LOSSES_KEPT_MAX) this.#losses.push({ ...place, reason });
  }

  #skipIds(): void {
    const withoutHeader = this.#header === null ? IDS_WITHOUT_HEADER + (this.#seq ?? 0) : 0;
    const skipped = (this.#missingChanges + this.#lossCount) * IDS_PER_MISSING_CHANGE + withoutHeader;
    for (const name of collectionNames) {
      const nextId = Math.min(this.#tables.nextId(name) + skipped, COUNTER_GIVEN_MAX);
      this.#tables.reserveIds(name, nextId);
    }
  }

  // Each effect of a line is applied on its own, so a row of the wrong shape does not discard the
  // others.
  #apply({ effects, schema }: Written, place: Place): void {
    // Without a first line the schema is unknown, so the current one is assumed.
    const fileSchema = this.#header?.schema ?? SCHEMA;
    for (const effect of effects) {
      try {
        const change = liftChange({ effects: [effect], schema }, fileSchema);
        requireRows(change);
        if (effects.length === 1) this.#rows.notePlace(change, place.byte);
        this.#tables.apply([change]);
      } catch (error) {
        if (error instanceof NewerError)
          throw this.#header === null && schema === null ? ofUnknownSchema() : error;
        if (!(error instanceof DamageError)) throw error;
        this.#misshapen.push(error.message);
        this.#lose(place, error.message);
      }
    }
    this.#rowsRead++;
  }

  #refused(error: unknown): unknown {
    if (!(error instanceof DamageError)) return error;
    const newer = error instanceof NewerError && error.isCertain ? 'a newer Jot wrote it: ' : '';
    const message = `The data file ${this.#path} can't be repaired: ${newer}${error.message}`;
    return new JotError('unavailable', message, { cause: error });
  }
}

function ofUnknownSchema(): NewerError {
  const message = 'its first line is lost, and its rows have another schema; use the Jot that wrote it';
  return new NewerError(message, false);
}

function missing(what: string, first: number, last: number, where = ''): string {
  const isOne = first === last;
  const numbers = isOne ? `${what} ${first}` : `${what}s ${first} to ${last}`;
  return `${numbers}${where} ${isOne ? 'is' : 'are'} not here`;
}

function startsWith(line: Buffer, text: string): boolean {
  return line.toString('latin1', 0, text.length) === text;
}
