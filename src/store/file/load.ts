// Reads a data file from start to end, in blocks, so that its size does not matter. A crash can leave only one kind of
// damage: in the changes that were on their way to the disk together when it came, and that nobody was told of. A killed
// process leaves the last line unfinished; a power cut may leave any part of them, in any order. Damage before that was done
// by something else, and guessing would lose data: the start stops and names the place.

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
  /** Without a newline at the end. */
  readonly isUnfinished: boolean;
}

/**
 * Applies every change in the file to the tables.
 *
 * @throws JotError `unavailable` naming line and byte of damage that no crash explains.
 */
export async function load(file: DataFile, path: string, tables: Tables): Promise<Loaded> {
  let seq = 0;
  let lines = 0;
  let goodBytes = 0;
  let torn: { error: JotError; seq: number } | null = null;
  for await (const block of readLines(file)) {
    for (const line of block) {
      if (torn !== null) {
        // Whatever is whole behind it must have been on its way together with it.
        if (isLater(line, torn.seq)) throw torn.error;
        continue;
      }
      try {
        if (line.isUnfinished) throw new TornError('it is not finished');
        seq = lines === 0 ? loadHeader(line.bytes, tables) : loadChange(line.bytes, seq + 1, tables);
      } catch (error) {
        if (!(error instanceof DamageError)) throw error;
        const place = damaged(path, lines + 1, line.offset, error);
        if (lines === 0 || !(error instanceof TornError)) throw place;
        torn = { error: place, seq: seq + 1 };
        continue;
      }
      lines++;
      goodBytes = line.offset + line.bytes.length + 1;
    }
  }
  return { seq, goodBytes };
}

// A batch begins only once the one before it is on the disk. So a change whose batch began behind the torn line proves that
// the torn line was once whole.
function isLater({ bytes, isUnfinished }: Line, seq: number): boolean {
  try {
    return !isUnfinished && decodeChange(bytes).first > seq;
  } catch (error) {
    if (error instanceof DamageError) return false;
    throw error;
  }
}

function loadHeader(line: Buffer, tables: Tables): number {
  const { seq, next } = decodeHeader(line);
  for (const [name, nextId] of Object.entries(next)) tables.reserveIds(name as keyof typeof next, nextId);
  return seq;
}

function loadChange(line: Buffer, seq: number, tables: Tables): number {
  tables.apply([decodeChange(line, seq).changes]);
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
    const { lines, used } = splitLines(bytes, position - bytes.length);
    yield lines;
    rest = bytes.subarray(used);
  }
  if (rest.length > 0) yield [{ bytes: rest, offset: position - rest.length, isUnfinished: true }];
}

function splitLines(bytes: Buffer, blockOffset: number): { lines: Line[]; used: number } {
  const lines: Line[] = [];
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
    lines.push({ bytes: bytes.subarray(start, end), offset: blockOffset + start, isUnfinished: false });
    start = end + 1;
  }
  return { lines, used: start };
}
