// The lines of a file with the places where they start, read in blocks, so that the file's size does not matter: a string
// in Node ends at 512 MiB, a file need not.

import type { OnProgress } from '../store.ts';
import type { DataFile } from './file-system.ts';

const BLOCK_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

export interface Line {
  /** Without its newline. */
  readonly bytes: Buffer;
  /** Where it starts in the file. */
  readonly offset: number;
  /** There is no newline behind it. */
  readonly isUnfinished: boolean;
}

/**
 * Gives the lines of a block together: a promise for each line would cost more than reading it.
 *
 * @param onProgress Hears of bytes.
 */
export async function* readLines(
  file: DataFile,
  onProgress: OnProgress = () => undefined,
): AsyncGenerator<Line[]> {
  const size = await file.size();
  // What is behind the last newline so far, in pieces: a long line is put together once, not with every block.
  let rest: Buffer[] = [];
  let restOffset = 0;
  for (let position = 0; position < size; ) {
    const buffer = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, size - position));
    const length = await file.read(buffer, position);
    if (length === 0) break;
    const block = buffer.subarray(0, length);
    position += length;
    const end = block.lastIndexOf(NEWLINE) + 1;
    if (end > 0) yield splitLines(Buffer.concat([...rest, block.subarray(0, end)]), restOffset);
    if (end > 0) restOffset = position - (length - end);
    rest = end > 0 ? [block.subarray(end)] : [...rest, block];
    onProgress(position, size);
  }
  const bytes = Buffer.concat(rest);
  if (bytes.length > 0) yield [{ bytes, offset: restOffset, isUnfinished: true }];
}

function splitLines(bytes: Buffer, firstOffset: number): Line[] {
  const lines: Line[] = [];
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
    lines.push({ bytes: bytes.subarray(start, end), offset: firstOffset + start, isUnfinished: false });
    start = end + 1;
  }
  return lines;
}
