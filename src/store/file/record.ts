// The format of the data file. It is JSON lines: `less` shows it and `jq` reads it.
//
// Line 1 says what the file is: {"format":"jot","version":1,"seq":0,"next":{"users":1,...},"crc":"89abcdef"}
//   `seq` is the number of the last change that this line stands for (0 in a new file), `next` the next id to give out in
//   each collection.
// Every later line is one change, all of it or nothing: {"seq":1,"time":1790000000000,"changes":[...],"crc":"89abcdef"}
//   Changes that went to the disk together name the first of them, in all lines but its own: {"seq":3,"first":1,...}
//   `seq` counts up by one from line to line, `time` is milliseconds since the epoch, and `changes` are applied in order:
//     {"put":"users","row":{...}}        the row is now this one, new or not
//     {"remove":"posts","id":4}          the row is gone
//     {"removeOwned":"posts","owner":1}  all rows of that owner are gone
//
// `crc` is the CRC-32 (the one of zlib and gzip, RFC 1952 §8) of the line's bytes before `,"crc":`, as eight hexadecimal
// digits. A line ends with a newline; one without was not finished.

import { crc32 } from 'node:zlib';
import { type CollectionName, collectionNames, type Id } from '../collections.ts';
import type { Change } from '../tables.ts';

export const FORMAT_VERSION = 1;
const CRC_LENGTH = ',"crc":"89abcdef"}'.length;

export interface Header {
  readonly seq: number;
  readonly next: Readonly<Partial<Record<CollectionName, Id>>>;
}

export interface ChangeRecord {
  readonly seq: number;
  /** The first change that went to the disk together with this one; absent: this one. */
  readonly first?: number;
  readonly time: number;
  readonly changes: Change;
}

/** What is wrong with a line; the caller knows which one it is. */
export class DamageError extends Error {
  override readonly name: string = 'DamageError';
}

/** The line is not whole, as a crash may have left it. */
export class TornError extends DamageError {
  override readonly name = 'TornError';
}

/** The first line of a file, newline included. */
export function encodeHeader({ seq, next }: Header): string {
  return sealed({ format: 'jot', version: FORMAT_VERSION, seq, next });
}

/** The line of one change, newline included. */
export function encodeChange({ seq, first = seq, time, changes }: ChangeRecord): string {
  return sealed({ seq, ...(first === seq ? {} : { first }), time, changes });
}

/** @throws DamageError for anything but the first line of a file in this version. */
export function decodeHeader(line: Buffer): Header {
  const { format, version } = parseHeader(line);
  if (format !== 'jot') throw new DamageError('it is not a Jot data file');
  // Before the checksum, which a later version may make otherwise.
  if (version !== FORMAT_VERSION) {
    throw new DamageError(
      `its format is version ${String(version)}, and this Jot reads version ${FORMAT_VERSION}`,
    );
  }
  const { seq, next } = unsealed(line);
  for (const name of Object.keys(next ?? {})) requireKnown(name);
  return { seq: Number(seq), next: (next ?? {}) as Header['next'] };
}

function parseHeader(line: Buffer): { format?: unknown; version?: unknown } {
  try {
    return JSON.parse(line.toString()) ?? {};
  } catch {
    return {};
  }
}

/**
 * @param seq The number that the change must have; without it any will do.
 * @throws DamageError for anything but that change, whole.
 */
export function decodeChange(line: Buffer, seq?: number): Required<ChangeRecord> {
  const record = unsealed(line);
  const number = Number(record.seq);
  if (seq !== undefined && number !== seq)
    throw new DamageError(`it is change ${String(record.seq)} where ${seq} should be`);
  if (!Array.isArray(record.changes)) throw new DamageError('it holds no list of changes');
  for (const effect of record.changes) requireKnown(Object.values(effect ?? {})[0]);
  return {
    seq: number,
    first: Number(record.first ?? number),
    time: Number(record.time),
    changes: record.changes,
  };
}

function requireKnown(name: unknown): void {
  if (collectionNames.includes(name as CollectionName)) return;
  throw new DamageError(`it is about "${String(name)}", a collection that this Jot does not have`);
}

function sealed(content: object): string {
  const body = JSON.stringify(content).slice(0, -1);
  return `${body},"crc":"${hex(crc32(body))}"}\n`;
}

function unsealed(line: Buffer): Record<string, unknown> {
  const body = line.subarray(0, Math.max(0, line.length - CRC_LENGTH));
  if (line.toString('latin1', body.length) !== `,"crc":"${hex(crc32(body))}"}`) {
    throw new TornError('its checksum does not match');
  }
  return JSON.parse(line.toString());
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
