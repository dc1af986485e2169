// The checksum at the end of each line of a data file. A crash can leave the last line torn: some
// of its bytes reach the disk and others do not. The checksum distinguishes a whole line from a
// torn one.

import { crc32 } from 'node:zlib';
import { DamageError, TornError } from '../damage.ts';

const CRC_START = ',"crc":"';
const CRC_DIGITS = 8;
const CRC_FRAME = Buffer.from(`${CRC_START}${'0'.repeat(CRC_DIGITS)}"}`);
const CRC_LENGTH = CRC_FRAME.length;
const HEX_DIGITS = Buffer.from('0123456789abcdef');
const CR = 0x0d;
const CR_LF = 'it ends with CR LF, as in a copy through Windows or git; `jot repair` converts the file back';

/** Returns the line with this content, newline included, padded with spaces to `bytes`. */
export function sealed(content: object, bytes = 0): string {
  const body = JSON.stringify(content)
    .slice(0, -1)
    .padEnd(bytes - CRC_LENGTH - 1);
  return `${body}${CRC_START}${hex(crc32(body))}"}\n`;
}

/**
 * Returns the content of a line.
 *
 * @throws TornError if the line is incomplete, DamageError if it is not JSON.
 */
export function unsealed(line: Buffer): Record<string, unknown> {
  if (!isWhole(line)) {
    throw isWhole(withoutCr(line)) ? new DamageError(CR_LF) : new TornError('its checksum does not match');
  }
  try {
    return JSON.parse(line.toString());
  } catch {
    throw new DamageError('it is not JSON');
  }
}

/**
 * Returns the line without a CR at its end. JSON ends with a brace and escapes each CR in a string,
 * so only another program can have added it.
 */
export function withoutCr(line: Buffer): Buffer {
  return line.at(-1) === CR ? line.subarray(0, -1) : line;
}

/** Returns whether the checksum of a line is right. */
export function isWhole(line: Buffer): boolean {
  return endsWithCrc(line, crc32(line.subarray(0, Math.max(0, line.length - CRC_LENGTH))));
}

// Byte by byte: formatting the checksum and decoding the bytes of each line takes a tenth of the
// time of loading a file.
function endsWithCrc(line: Buffer, crc: number): boolean {
  const start = line.length - CRC_LENGTH;
  for (let index = 0; index < CRC_LENGTH; index++) {
    const digit = index - CRC_START.length;
    const isDigit = digit >= 0 && digit < CRC_DIGITS;
    const expected = isDigit ? HEX_DIGITS[(crc >>> (4 * (CRC_DIGITS - 1 - digit))) & 15] : CRC_FRAME[index];
    if (line[start + index] !== expected) return false;
  }
  return true;
}

function hex(crc: number): string {
  return crc.toString(16).padStart(CRC_DIGITS, '0');
}
