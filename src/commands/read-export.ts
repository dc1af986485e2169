// Reads the output of `jot export`. The input may be anything, so this file checks only its frame:
// the header, and one JSON value per row.
//
// The obvious solution is `JSON.parse` on the whole input. But a string in Node ends at 512 MiB,
// and a data file can be larger. So an export is JSON Lines, and only one line is in memory at a
// time. An export of version 1 is a single JSON object with a list of rows per collection. It is
// parsed whole, and its rows are returned as if each were a line.
//
// Left out: checks of the rows themselves (`row-importer.ts`).

import { constants } from 'node:buffer';
import { JotError } from '../lib/errors.ts';
import { NewerError } from '../store/damage.ts';
import { Cutter, type Line } from '../store/file/lines.ts';
import { SCHEMA } from '../store/lift.ts';
import { EXPORT_FORMAT, EXPORT_VERSION } from './export.ts';

type JsonObject = Readonly<Record<string, unknown>>;

const TEXT_BYTES_MAX = constants.MAX_STRING_LENGTH;
const NEWLINE = Buffer.from('\n');

/** An export whose rows have not been checked. */
export interface Export {
  /** Schema of the rows; not newer than the current one. */
  readonly schema: number;
  /** The next id of each collection, unchecked; undefined if the export has none. */
  readonly next: unknown;
  /** Number of rows according to the header, unchecked. */
  readonly rows: unknown;
  readonly entries: AsyncIterable<Entry> | Iterable<Entry>;
}

export interface Entry {
  /** Place for error messages: `line 3`, or `users, number 2` in version 1. */
  readonly place: string;
  /** A row such as `{"users":{…}}`, unchecked; undefined if the line is not JSON in UTF-8. */
  readonly value: unknown;
}

/** @throws JotError `bad_request` if the input is not an export of a known version. */
export async function readExport(input: AsyncIterable<Uint8Array>): Promise<Export> {
  const lines = linesOf(input);
  const { value: first = Buffer.alloc(0) } = await lines.next();
  const head = parse(first);
  const isLineByLine = isObject(head) && head.version !== 1;
  const header = isLineByLine ? head : await parseWhole(first, lines);
  if (header.format !== EXPORT_FORMAT) throw notAnExport(`its "format" is not "${EXPORT_FORMAT}"`);
  if (header.version === 1) return version1(header);
  if (header.version !== EXPORT_VERSION) throw notAnExport(`its "version" is not 1 or ${EXPORT_VERSION}`);
  return { schema: schemaIn(header), next: header.next, rows: header.rows, entries: entriesIn(lines) };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function schemaIn({ schema = 0 }: JsonObject): number {
  const isCounter = typeof schema === 'number' && Number.isInteger(schema) && schema >= 0;
  if (!isCounter) throw notAnExport('its "schema" is not an integer from 0');
  if (schema <= SCHEMA) return schema;
  const message = `The export was written by a newer Jot: its schema is number ${schema}, and this Jot's is ${SCHEMA}`;
  throw new JotError('bad_request', message, { cause: new NewerError(message) });
}

// No `node:readline`: it also breaks lines at U+2028, which JSON allows in strings, and replaces
// bytes that are not UTF-8.
async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  const cutter = new Cutter(TEXT_BYTES_MAX);
  for await (const piece of input) yield* cutter.take(Buffer.from(piece)).map(bytesOf);
  const last = cutter.finish();
  if (last !== null) yield bytesOf(last);
}

function bytesOf({ bytes, isTooLong }: Line): Buffer {
  if (isTooLong) throw tooLong();
  return bytes;
}

async function* entriesIn(lines: AsyncIterable<Buffer>): AsyncGenerator<Entry> {
  let number = 1;
  for await (const line of lines) yield { place: `line ${++number}`, value: parse(line) };
}

async function parseWhole(first: Buffer, rest: AsyncIterable<Buffer>): Promise<JsonObject> {
  const pieces = [first];
  let length = first.length;
  for await (const line of rest) {
    pieces.push(NEWLINE, line);
    length += NEWLINE.length + line.length;
    if (length > TEXT_BYTES_MAX) throw tooLong();
  }
  const value = parse(Buffer.concat(pieces));
  if (isObject(value)) return value;
  // `npm run` without `-s` prints lines of its own before the export.
  throw notAnExport('line 1 is not a header; export with "npm run -s jot -- export"');
}

function version1({ format, version, next, ...lists }: JsonObject): Export {
  const entries = Object.entries(lists).flatMap(([name, rows]) => {
    if (!Array.isArray(rows)) throw notAnExport('a member is not a list of rows');
    return rows.map((row, index) => ({ place: `${name}, number ${index + 1}`, value: { [name]: row } }));
  });
  return { schema: 0, next, rows: entries.length, entries };
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    // The message of the error quotes the text, which may hold secrets.
    return undefined;
  }
}

function notAnExport(reason: string): JotError {
  return new JotError('bad_request', `The input is not an export of Jot: ${reason}`);
}

function tooLong(): JotError {
  return new JotError(
    'bad_request',
    'The export or one of its lines exceeds 512 MiB, the longest string in Node',
  );
}
