// Reads a data file from start to end, in blocks, so that its size does not matter. A crash can leave only one kind of
// damage: an unfinished end. Anything else was done by something else, and guessing would lose data: the start stops and
// names the place.

import { JotError } from '../../lib/errors.ts';
import type { Tables } from '../tables.ts';
import type { DataFile } from './file-system.ts';
import { DamageError, decodeChange, decodeHeader, TornError } from './record.ts';

const BLOCK_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

export interface Loaded {
  /** The number of the last change. */
  readonly seq: number;
  /** How many bytes of the file are good; what follows is torn. */
  readonly goodBytes: number;
}

interface Line {
  readonly bytes: Buffer;
  /** Where it starts in the file. */
  readonly offset: number;
  readonly isLast: boolean;
  /** Without a newline at the end. */
  readonly isUnfinished: boolean;
}

/**
 * Applies every change in the file to the tables.
 *
 * @throws JotError `unavailable` naming line and byte of damage that is not a torn last line.
 */
export async function load(file: DataFile, path: string, tables: Tables): Promise<Loaded> {
  let seq = 0;
  let lines = 0;
  let goodBytes = 0;
  for await (const block of readLines(file)) {
    for (const line of block) {
      try {
        if (line.isUnfinished) throw new TornError('it is not finished');
        seq = lines === 0 ? loadHeader(line.bytes, tables) : loadChange(line.bytes, seq + 1, tables);
      } catch (error) {
        if (!(error instanceof DamageError)) throw error;
        if (line.isLast && lines > 0 && error instanceof TornError) return { seq, goodBytes };
        throw damaged(path, lines + 1, line.offset, error);
      }
      lines++;
      goodBytes = line.offset + line.bytes.length + 1;
    }
  }
  return { seq, goodBytes };
}

function loadHeader(line: Buffer, tables: Tables): number {
  const { seq, next } = decodeHeader(line);
  for (const [name, nextId] of Object.entries(next)) tables.reserveIds(name as keyof typeof next, nextId);
  return seq;
}

function loadChange(line: Buffer, seq: number, tables: Tables): number {
  tables.apply(decodeChange(line, seq).changes);
  return seq;
}

function damaged(path: string, line: number, offset: number, cause: Error): JotError {
  const where = `line ${line}, byte ${offset}`;
  return new JotError('unavailable', `The data file ${path} is damaged at ${where}: ${cause.message}`, {
    cause,
  });
}

// Gives the lines of a block together: a promise for each line would cost more than reading it.
async function* readLines(file: DataFile): AsyncGenerator<Line[]> {
  const size = await file.size();
  let rest = Buffer.alloc(0);
  let position = 0;
  while (position < size) {
    const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, size - position));
    const length = await file.read(block, position);
    if (length === 0) break;
    position += length;
    const bytes = Buffer.concat([rest, block.subarray(0, length)]);
    const { lines, used } = splitLines(bytes, position - bytes.length, size);
    yield lines;
    rest = bytes.subarray(used);
  }
  if (rest.length > 0)
    yield [{ bytes: rest, offset: position - rest.length, isLast: true, isUnfinished: true }];
}

function splitLines(bytes: Buffer, blockOffset: number, size: number): { lines: Line[]; used: number } {
  const lines: Line[] = [];
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
    const isLast = blockOffset + end + 1 === size;
    lines.push({
      bytes: bytes.subarray(start, end),
      offset: blockOffset + start,
      isLast,
      isUnfinished: false,
    });
    start = end + 1;
  }
  return { lines, used: start };
}
