// The format of the data file. It is JSON lines: `less` shows it and `jq` reads it, and this page is all it takes to write
// another reader. A file is a snapshot, the rows as they were at some time, followed by the changes since.
//
// Line 1 says what the file is; spaces fill it up, so that it can be written last:
//   {"format":"jot","version":3,"schema":0,"seq":40,"snapshot":2,"through":43,"next":{"users":3,...}   ,"crc":"89abcdef"}
//   `schema` is the number of the schema (`migrations.ts`) of every line that does not hold its own.
//   `snapshot` is the number of lines of the snapshot, 0 in a new file, and `seq` the number of the last change before it.
//   `next` is the next id to assign in each collection: rows with the ids before it may have been removed.
//   `through` is the number of a change that was in the file already when it got its name.
//
// Then come the lines of the snapshot, counted from 1, with one row each:
//   {"snapshot":1,"changes":[{"put":"users","row":{...}}],"crc":"89abcdef"}
//   Changes continue while they are written, so a row may be newer than change `seq` left it, or be absent. The changes
//   that follow, up to `through`, put that right: only what all of them leave is a state that ever was.
//   Skip a `put` in them if the row's owner is absent: both were removed before the snapshot reached the owner.
//
// Every later line is one change, all of it or nothing: {"seq":41,"time":1790000000000,"changes":[...],"crc":"89abcdef"}
//   A line whose schema differs from the first line's holds its own: {"seq":42,"schema":1,"time":...}
//   Changes that went to the disk together name the first of them, in all lines but its own: {"seq":43,"first":41,...}
//   `seq` counts up by one from line to line, `time` is milliseconds since the epoch, and `changes` are applied in order:
//     {"put":"users","row":{...}}        creates or replaces the row
//     {"remove":"posts","id":4}          removes the row and everything that it owns, at any depth
//     {"removeOwned":"posts","owner":1}  removes the owner's rows and everything that they own
//
// `crc` is the CRC-32 (the one of zlib and gzip, RFC 1952 §8) of the line's bytes before `,"crc":`, as eight hexadecimal
// digits. A line ends with a newline; one without was not finished.
//
// Version 2 had no `schema`; read it as 0. Version 1 also had no snapshots, so neither `snapshot` nor `through`.

import type { CollectionName, Entity, Id } from '../collections.ts';
import { collectionNames } from '../collections.ts';
import { DamageError, NewerError } from '../damage.ts';
import {
  isInShape,
  liftEffect,
  liftName,
  type OnLifted,
  requireKnownSchema,
  SCHEMA,
  type WrittenEffect,
} from '../lift.ts';
import type { Change, Effect } from '../memory/tables.ts';
import { invalidity } from '../validate-rows.ts';
import { isWhole, sealed, unsealed } from './seal.ts';

const FORMAT_VERSION = 3;
/** Every data file of any version begins like this. */
export const BEGINNING = '{"format":"jot"';

export type NextIds = Readonly<Partial<Record<CollectionName, Id>>>;

export interface Header {
  /** Schema of the lines that do not hold their own. */
  readonly schema: number;
  readonly seq: number;
  readonly snapshot: number;
  readonly through: number;
  readonly next: NextIds;
}

export interface ChangeRecord {
  readonly seq: number;
  /** The first change that went to the disk together with this one; absent: this one. */
  readonly first?: number;
  readonly time: number;
  readonly changes: Change;
}

/** The effects in a line, as written. */
export interface Written {
  /** Null if the line has the schema of the first line. */
  readonly schema: number | null;
  readonly effects: readonly WrittenEffect[];
}

/** Not torn: no change is so long. */
export function tooLong(): DamageError {
  return new DamageError('it is longer than any line');
}

/** How long the first line is, newline included, whatever the numbers in it. */
export const HEADER_BYTES = headerBytes();

/** The first line of a file, newline included; by default of one without a snapshot. */
export function encodeHeader({
  seq,
  snapshot = 0,
  through = seq,
  next,
}: Pick<Header, 'seq' | 'next'> & Partial<Omit<Header, 'schema'>>): string {
  return sealed(headerOf({ seq, snapshot, through, next }), HEADER_BYTES);
}

/** The line of one row in a snapshot, newline included. */
export function encodeSnapshotRow(number: number, name: CollectionName, row: Entity): string {
  return sealed({ snapshot: number, changes: [{ put: name, row }] });
}

/**
 * Returns the line of one change, newline included.
 *
 * @param fileSchema Schema in the first line of the file.
 */
export function encodeChange({ seq, first, time, changes }: ChangeRecord, fileSchema = SCHEMA): string {
  return sealed({
    seq,
    first: first === seq ? undefined : first,
    schema: fileSchema === SCHEMA ? undefined : SCHEMA,
    time,
    changes,
  });
}

/** @throws DamageError unless the line is the first line of a file that this Jot can read. */
export function decodeHeader(line: Buffer): Header {
  const { format, version } = parseHeader(line);
  if (format !== 'jot') throw new DamageError('it is not a Jot data file');
  const isKnown = version === 1 || version === 2 || version === FORMAT_VERSION;
  // Before the checksum, which a later version may make otherwise.
  if (!isKnown) {
    const message = `its format is version ${String(version)}, and this Jot reads versions 1 to ${FORMAT_VERSION}`;
    const isLater = Number(version) > FORMAT_VERSION;
    if (!isLater && !isWhole(line)) throw new DamageError(message);
    throw new NewerError(message, isLater && isWhole(line));
  }
  const { schema = 0, seq, snapshot = 0, through = seq, next = {} } = unsealed(line);
  const known = counter('schema', schema, 0);
  requireKnownSchema(known);
  return {
    schema: known,
    seq: counter('seq', seq, 0),
    snapshot: counter('snapshot', snapshot, 0),
    through: counter('through', through, 0),
    next: nextIdsIn(next, known),
  };
}

function nextIdsIn(next: unknown, schema: number): NextIds {
  const isObject = typeof next === 'object' && next !== null && !Array.isArray(next);
  if (!isObject) throw new DamageError('it holds no next ids');
  const ids: Partial<Record<CollectionName, Id>> = {};
  for (const [written, nextId] of Object.entries(next)) {
    const name = liftName(written, schema);
    if (!isNextId(nextId))
      throw new DamageError(
        `its next id of ${written} must be a positive integer, not ${JSON.stringify(nextId)}`,
      );
    if (name !== null) ids[name] = nextId;
  }
  return ids;
}

/** Behind the last id there is one more number: that of the row that there can't be. */
export function isNextId(value: unknown): value is Id {
  return typeof value === 'number' && value >= 1 && Number.isSafeInteger(value - 1);
}

// A checksum says that a line is as it was written, not that it was written well: somebody may have done it by hand.
function counter(name: string, value: unknown, min: number): number {
  const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= min;
  if (fits) return value;
  throw new DamageError(`its "${name}" must be an integer from ${min}, not ${JSON.stringify(value)}`);
}

function parseHeader(line: Buffer): { format?: unknown; version?: unknown } {
  try {
    return JSON.parse(line.toString()) ?? {};
  } catch {
    return {};
  }
}

/**
 * @param number The number that the line must have in its snapshot; without it any will do.
 * @throws DamageError for anything but that line, whole.
 */
export function decodeSnapshotRow(line: Buffer, number?: number): Written & { readonly number: number } {
  const record = unsealed(line);
  if (record.snapshot === undefined) throw new DamageError('it is not a line of the snapshot');
  const own = counter('snapshot', record.snapshot, 1);
  if (number !== undefined && own !== number)
    throw new DamageError(`it is line ${own} of the snapshot where ${number} should be`);
  return { number: own, ...writtenIn(record) };
}

/**
 * @param seq The number that the change must have; without it any will do.
 * @throws DamageError for anything but that change, whole.
 */
export function decodeChange(line: Buffer, seq?: number): Written & Required<Omit<ChangeRecord, 'changes'>> {
  const record = unsealed(line);
  if (record.seq === undefined) throw new DamageError('it is not a change');
  const number = counter('seq', record.seq, 1);
  if (seq !== undefined && number !== seq)
    throw new DamageError(`it is change ${number} where ${seq} should be`);
  const first = counter('first', record.first ?? number, 1);
  if (first > number) throw new DamageError(`its "first" is ${first}, which comes behind change ${number}`);
  const { time } = record;
  const isTime = typeof time === 'number' && Number.isFinite(time);
  if (!isTime) throw new DamageError(`its "time" must be a number, not ${JSON.stringify(time)}`);
  return { seq: number, first, time, ...writtenIn(record) };
}

/**
 * Returns the effects in a line of the snapshot or of a change, without checking its number.
 *
 * @throws DamageError unless the line is whole.
 */
export function decodeEffects(line: Buffer): Written {
  return writtenIn(unsealed(line));
}

function writtenIn(record: Record<string, unknown>): Written {
  return { schema: schemaIn(record), effects: effectsIn(record) };
}

/**
 * Returns the effects in the current shape.
 *
 * @param fileSchema Schema in the first line of the file.
 * @throws NewerError, DamageError.
 */
export function liftChange(
  { effects, schema: own }: Written,
  fileSchema: number,
  onLifted?: OnLifted,
): Change {
  const schema = own ?? fileSchema;
  if (schema === SCHEMA && effects.every(isInShape)) return effects as unknown as Change;
  requireKnownSchema(schema);
  const lifted: Effect[] = [];
  for (const effect of effects) {
    const one = liftEffect(effect, schema, onLifted);
    if (one !== null) lifted.push(one);
  }
  return lifted;
}

function schemaIn({ schema }: Record<string, unknown>): number | null {
  return schema === undefined ? null : counter('schema', schema, 0);
}

function effectsIn({ changes }: Record<string, unknown>): WrittenEffect[] {
  if (!Array.isArray(changes)) throw new DamageError('it holds no list of changes');
  for (const effect of changes) requireEffect(effect ?? {});
  return changes;
}

/** @throws DamageError if a row does not have the shape that its collection declares. */
export function requireRows(change: Change): void {
  for (const effect of change) {
    if (!('put' in effect)) continue;
    const reason = invalidity(effect.put, effect.row);
    if (reason !== null)
      throw new DamageError(`row ${effect.row.id} of ${effect.put} is not valid: ${reason}`);
  }
}

function requireEffect({
  put,
  remove = put,
  removeOwned: name = remove,
  row,
}: Partial<Record<string, unknown>>): void {
  if (typeof name !== 'string') throw new DamageError('it does not name a collection');
  if (put !== undefined && !Number.isSafeInteger((row as Partial<Entity> | undefined)?.id))
    throw new DamageError('it puts a row that has no id');
}

function headerOf(content: Omit<Header, 'schema'>): object {
  return { format: 'jot', version: FORMAT_VERSION, schema: SCHEMA, ...content };
}

function headerBytes(): number {
  const most = Number.MAX_SAFE_INTEGER;
  const next = Object.fromEntries(collectionNames.map((name) => [name, most]));
  return sealed(headerOf({ seq: most, snapshot: most, through: most, next })).length;
}
