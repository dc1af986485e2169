// The lines of a file with the places where they start, read in blocks, so that the file's size does not matter: a string
// in Node ends at 512 MiB, a file need not. A line has a limit all the same, since it has to be in memory as a whole.

import type { DataFile } from './file-system.ts';

const BLOCK_BYTES = 1024 * 1024;
// Far more than a change, far less than a string can hold.
const LINE_BYTES_MAX = 128 * 1024 * 1024;
export const NEWLINE = 0x0a;

export interface Line {
  /** Without its newline; nothing of one that is too long. */
  readonly bytes: Buffer;
  /** Where it starts in the file. */
  readonly offset: number;
  /** Where it ends in the file, in front of its newline. */
  readonly end: number;
  /** There is no newline behind it. */
  readonly isUnfinished: boolean;
  readonly isTooLong: boolean;
}

/** Yields the lines of a block together: a promise for each line would cost more than reading it. */
export async function* readLines(file: DataFile, lineBytesMax = LINE_BYTES_MAX): AsyncGenerator<Line[]> {
  const size = await file.size();
  const cutter = new Cutter(lineBytesMax);
  for (let position = 0; position < size; ) {
    const buffer = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, size - position));
    const length = await file.read(buffer, position);
    if (length === 0) break;
    position += length;
    const lines = cutter.take(buffer.subarray(0, length));
    if (lines.length > 0) yield lines;
  }
  const last = cutter.finish();
  if (last !== null) yield [last];
}

export class Cutter {
  readonly #lineBytesMax: number;
  /** What is behind the last newline so far, in pieces: a long line is put together once, not with every block. */
  #rest: Buffer[] = [];
  /** Also what is too much to be kept. */
  #restBytes = 0;
  #offset = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  take(block: Buffer): Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = block.indexOf(NEWLINE); end !== -1; end = block.indexOf(NEWLINE, start)) {
      this.#keep(block.subarray(start, end));
      lines.push(this.#cut(false));
      start = end + 1;
    }
    this.#keep(block.subarray(start));
    return lines;
  }

  finish(): Line | null {
    return this.#restBytes > 0 ? this.#cut(true) : null;
  }

  #keep(piece: Buffer): void {
    this.#restBytes += piece.length;
    if (this.#isTooLong) this.#rest = [];
    else if (piece.length > 0) this.#rest.push(piece);
  }

  #cut(isUnfinished: boolean): Line {
    const [first = Buffer.alloc(0)] = this.#rest;
    const bytes = this.#rest.length > 1 ? Buffer.concat(this.#rest) : first;
    const end = this.#offset + this.#restBytes;
    const line = { bytes, offset: this.#offset, end, isUnfinished, isTooLong: this.#isTooLong };
    this.#rest = [];
    this.#restBytes = 0;
    this.#offset = end + 1;
    return line;
  }

  get #isTooLong(): boolean {
    return this.#restBytes > this.#lineBytesMax;
  }
}
