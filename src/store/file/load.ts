// Judges a data file from start to end. A crash can leave only one kind of damage: in the changes that were on their way to
// the disk together when it came, and that nobody was told of. A killed process leaves the last line unfinished; a power
// cut may leave any part of them, in any order. Damage before that was done by something else, and guessing would lose data:
// loading stops and names the place.

import { JotError } from '../../lib/errors.ts';
import { LOADABLE_BYTES } from '../capacity.ts';
import { collectionNames } from '../collections.ts';
import { DamageError, NewerError, NotJotError, TornError } from '../damage.ts';
import { type OnLifted, SCHEMA } from '../lift.ts';
import type { Change, Tables } from '../memory/tables.ts';
import type { DataFile } from './file-system.ts';
import { type Line, readLines } from './lines.ts';
import { tooLarge } from './memory-need.ts';
import {
  BEGINNING,
  decodeChange,
  decodeHeader,
  decodeSnapshotRow,
  type Header,
  liftChange,
  requireRows,
  tooLong,
  type Written,
} from './record.ts';
import type { RowsInFile } from './rows-in-file.ts';

export interface Loaded {
  /** How many lines are good. */
  readonly lines: number;
  /** The number of the last change. */
  readonly seq: number;
  /** How many bytes of the file are good; what follows is torn. */
  readonly goodBytes: number;
  /** Schema in the first line. */
  readonly schema: number;
  /** Maximum memory of the rows while their changes are applied in order, in bytes. */
  readonly peakBytes: number;
}

export interface LoadOptions {
  readonly onLifted?: OnLifted | undefined;
  /** Storage for the rows of the tables; default memory. */
  readonly rows?: RowsInFile | undefined;
}

/**
 * Applies everything in the file to the tables, in the current shape.
 *
 * @throws JotError `unavailable` for a file of a newer Jot, with the line and byte of damage that
 * no crash explains, or for rows that need more memory than there is.
 */
export async function load(
  file: DataFile,
  path: string,
  tables: Tables,
  options: LoadOptions = {},
): Promise<Loaded> {
  const loader = new Loader(path, tables, options);
  let peakBytes = 0;
  loader.requireBeginning(await beginningOf(file));
  for await (const block of readLines(file)) {
    for (const line of block) loader.take(line);
    peakBytes = Math.max(peakBytes, tables.usage.total.bytes);
    if (options.rows === undefined && peakBytes > LOADABLE_BYTES) throw tooLarge(path);
  }
  return { ...loader.finish(), peakBytes };
}

async function beginningOf(file: DataFile): Promise<Buffer> {
  const buffer = Buffer.alloc(BEGINNING.length);
  return buffer.subarray(0, await file.read(buffer, 0));
}

class Loader {
  readonly #path: string;
  readonly #tables: Tables;
  readonly #options: LoadOptions;
  #header: Header | null = null;
  #seq = 0;
  #lines = 0;
  #goodBytes = 0;
  /** The first line that is not whole, and the number of the change it would be. */
  #torn: { readonly error: JotError; readonly seq: number } | null = null;

  constructor(path: string, tables: Tables, options: LoadOptions) {
    this.#path = path;
    this.#tables = tables;
    this.#options = options;
  }

  // Something else may be of any size, and have no lines.
  requireBeginning(bytes: Buffer): void {
    if (BEGINNING.startsWith(bytes.toString('latin1'))) return;
    const message = `${this.#path} is not a Jot data file, or damaged at line 1, byte 0: it does not begin with ${BEGINNING}`;
    throw new JotError('unavailable', message, { cause: new NotJotError(message) });
  }

  take(line: Line): void {
    if (this.#torn !== null) {
      // Whatever is whole behind it must have been on its way together with it.
      if (isLater(line, this.#torn.seq)) throw this.#torn.error;
      return;
    }
    try {
      if (line.isTooLong) throw tooLong();
      if (line.isUnfinished) throw new TornError('it is not finished');
      this.#apply(line);
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      const place = this.#damaged(line.offset, error);
      const isTorn = error instanceof TornError && !this.#wasWhole();
      if (!isTorn || isLater(line, this.#seq + 1)) throw place;
      this.#torn = { error: place, seq: this.#seq + 1 };
      return;
    }
    this.#lines++;
    this.#goodBytes = line.end + 1;
  }

  finish(): Omit<Loaded, 'peakBytes'> {
    const isShort = this.#header !== null && this.#wasWhole();
    if (isShort) throw this.#damaged(this.#goodBytes, new DamageError('it ends too early'));
    const schema = this.#header?.schema ?? SCHEMA;
    return { lines: this.#lines, seq: this.#seq, goodBytes: this.#goodBytes, schema };
  }

  #apply({ bytes, offset }: Line): void {
    if (this.#header === null) {
      this.#header = decodeHeader(bytes);
      this.#seq = this.#header.seq;
      if (this.#options.rows !== undefined) this.#options.rows.fileSchema = this.#header.schema;
      for (const name of collectionNames) this.#tables.reserveIds(name, this.#header.next[name] ?? 1);
    } else if (this.#lines <= this.#header.snapshot) {
      this.#applyChange(decodeSnapshotRow(bytes, this.#lines), offset);
    } else {
      const written = decodeChange(bytes, this.#seq + 1);
      const isDuringSnapshot = this.#seq < this.#header.through;
      this.#applyChange(written, offset, isDuringSnapshot);
      this.#seq++;
    }
  }

  // Looking at every row would make every start slower. Where the checksum is right a row is almost surely as this program
  // wrote it, so only one that can't be applied is looked at; `jot check` looks at all of them.
  #applyChange(written: Written, offset: number, isDuringSnapshot = false): void {
    const { rows, onLifted } = this.#options;
    const change = liftChange(written, this.#header?.schema ?? SCHEMA, onLifted);
    rows?.notePlace(change, offset);
    try {
      if (isDuringSnapshot) this.#applyWithoutOrphans(change);
      else this.#tables.apply([change]);
    } catch (error) {
      requireRows(change);
      throw error;
    }
  }

  // A snapshot lacks a row that was removed before the snapshot reached it. An earlier change may
  // still put a row below it, which the removal of an absent owner would not find.
  #applyWithoutOrphans(change: Change): void {
    for (const effect of change) {
      if (!('put' in effect && this.#tables.isOrphan(effect.put, effect.row))) this.#tables.apply([[effect]]);
    }
  }

  // What the next line holds was on the disk before the file got its name, so no crash can have torn it.
  #wasWhole(): boolean {
    if (this.#header === null) return true;
    return this.#lines <= this.#header.snapshot || this.#seq < this.#header.through;
  }

  #damaged(offset: number, cause: Error): JotError {
    const where = `line ${this.#lines + 1}, byte ${offset}`;
    const message = `The data file ${this.#path} ${problemAt(where, cause)}`;
    return new JotError('unavailable', message, { cause });
  }
}

function problemAt(where: string, cause: Error): string {
  const isNewer = cause instanceof NewerError;
  if (isNewer && cause.isCertain) return `was written by a newer Jot: ${cause.message} (${where})`;
  return `is ${isNewer ? 'of another version, or ' : ''}damaged at ${where}: ${cause.message}`;
}

// A batch begins only once the one before it is on the disk. So a change whose batch began behind the torn line proves that
// the torn line was once whole. The newline between the two may be what is damaged; inside a string of JSON the beginning of a
// change would be escaped.
function isLater({ bytes, isUnfinished }: Line, seq: number): boolean {
  const start = Math.max(0, bytes.lastIndexOf('{"seq":'));
  try {
    return !isUnfinished && decodeChange(bytes.subarray(start)).first > seq;
  } catch (error) {
    if (error instanceof DamageError) return false;
    throw error;
  }
}
