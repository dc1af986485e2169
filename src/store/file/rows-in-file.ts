// The rows of a data file for a command, which must work in less memory than the server: when users
// have stored more than the server can load, a command is the only way to delete some of it.
//
// The obvious solution reads the file once per question. But the commands share the tables, the
// checks and the compaction with the server, and those expect to find any row at any time. So these
// maps keep the place of a row instead of the row: the byte at which its line starts. Looking a row
// up reads and decodes the line again. Another process may add to the file or replace it: the lines
// that were read stay where they are, and a replaced file exists for as long as it is open.
//
// A place names a line, so only the first row of a line has one, and the others are kept in memory:
// a line may put the same row twice. Rows with long texts are alone in their lines.

import { JotError } from '../../lib/errors.ts';
import type { Entity, Id } from '../collections.ts';
import { TornError } from '../damage.ts';
import { type OnLifted, SCHEMA } from '../lift.ts';
import { IdMap, type RowMap } from '../memory/id-map.ts';
import { type Change, Tables } from '../memory/tables.ts';
import type { DataFile } from './file-system.ts';
import { NEWLINE } from './lines.ts';
import { decodeEffects, liftChange } from './record.ts';
import { withoutCr } from './seal.ts';

// Reading this much costs about as much as a short line, and often includes the next lines.
const WINDOW_BYTES = 16 * 1024;

export class RowsInFile {
  /** Schema in the first line of the file. */
  fileSchema = SCHEMA;
  readonly #file: DataFile;
  readonly #path: string;
  readonly #onLifted: OnLifted | undefined;
  /** The place of each row that was read from the file. */
  readonly #places = new WeakMap<Entity, number>();
  readonly #buffer = Buffer.allocUnsafe(WINDOW_BYTES);
  /** The bytes read last; they begin at `#windowStart` of the file. */
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  constructor(file: DataFile, path: string, onLifted?: OnLifted) {
    this.#file = file;
    this.#path = path;
    this.#onLifted = onLifted;
  }

  /** Returns empty tables that keep the places of rows, without a maximum number. */
  createTables(): Tables {
    return new Tables({ createRows: () => new PlaceMap(this), rowsMax: Number.POSITIVE_INFINITY });
  }

  /** Notes the line of the first row of a change, before the change is applied. */
  notePlace(change: Change, offset: number): void {
    const [effect] = change;
    if (effect !== undefined && 'put' in effect) this.#places.set(effect.row, offset);
  }

  /** Closes the file; its rows cannot be looked up any more. */
  close(): Promise<void> {
    return this.#file.close();
  }

  placeOf(row: Entity): number | undefined {
    return this.#places.get(row);
  }

  /** @throws JotError `unavailable` if the line at this place cannot be read any more. */
  rowAt(offset: number): Entity {
    try {
      const change = liftChange(
        decodeEffects(withoutCr(this.#lineAt(offset))),
        this.fileSchema,
        this.#onLifted,
      );
      this.notePlace(change, offset);
      const [effect] = change;
      if (effect !== undefined && 'put' in effect) return effect.row;
      throw new TornError('it is another line');
    } catch (cause) {
      const reason = (cause as Error).message;
      const message = `Cannot read the line at byte ${offset} of the data file ${this.#path} again: ${reason}`;
      throw new JotError('unavailable', message, { cause });
    }
  }

  #lineAt(offset: number): Buffer {
    const start = offset - this.#windowStart;
    const end = start < 0 ? -1 : this.#window.indexOf(NEWLINE, start);
    if (end !== -1) return this.#window.subarray(start, end);
    this.#windowStart = offset;
    for (let bytes = WINDOW_BYTES; ; bytes *= 4) {
      const buffer = bytes === WINDOW_BYTES ? this.#buffer : Buffer.allocUnsafe(bytes);
      this.#window = buffer.subarray(0, this.#file.readSync(buffer, offset));
      const lineEnd = this.#window.indexOf(NEWLINE);
      if (lineEnd !== -1) return this.#window.subarray(0, lineEnd);
      if (this.#window.length < bytes) throw new TornError('it is not finished');
    }
  }
}

class PlaceMap implements RowMap {
  readonly #rows: RowsInFile;
  /** A place, or the row itself if it is not in the file or not alone in its line. */
  readonly #kept = new IdMap<number | Entity>();

  constructor(rows: RowsInFile) {
    this.#rows = rows;
  }

  get size(): number {
    return this.#kept.size;
  }

  has(id: Id): boolean {
    return this.#kept.has(id);
  }

  get(id: Id): Entity | undefined {
    const kept = this.#kept.get(id);
    return typeof kept === 'number' ? this.#rows.rowAt(kept) : kept;
  }

  set(id: Id, row: Entity): void {
    this.#kept.set(id, this.#rows.placeOf(row) ?? row);
  }

  delete(id: Id): void {
    this.#kept.delete(id);
  }

  *values(): Generator<Entity> {
    for (const kept of this.#kept.values()) yield typeof kept === 'number' ? this.#rows.rowAt(kept) : kept;
  }
}
