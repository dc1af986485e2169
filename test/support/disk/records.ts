// Lines of data files, and a CRC-32 that follows RFC 1952 bit by bit, so that the checksums of the
// store are compared with an independent implementation.

import { collectionNames, type User } from '../../../src/store/collections.ts';
import { encodeChange, encodeHeader, encodeSnapshotRow } from '../../../src/store/file/record.ts';
import type { Change } from '../../../src/store/memory/tables.ts';
import { userNamed } from './stores.ts';

export const TIME = 1_795_437_313_000;
const FIRST_IDS = Object.fromEntries(collectionNames.map((name) => [name, 1]));

/** Returns the CRC-32 of RFC 1952 §8 in hex. */
export function crc32Of(bytes: Uint8Array): string {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return (~crc >>> 0).toString(16).padStart(8, '0');
}

/** Returns a line with any content and a right checksum, newline included. */
export function sealedLine(content: object): string {
  const body = JSON.stringify(content).slice(0, -1);
  return `${body},"crc":"${crc32Of(Buffer.from(body))}"}\n`;
}

/** Returns the lines of a data file with one user for each name, the header first. */
export function linesWithUsers(...usernames: string[]): string[] {
  const changes = usernames.map((username, index): Change => {
    return [{ put: 'users', row: { id: index + 1, version: 1, ...userNamed(username) } }];
  });
  return linesWith(...changes);
}

/** Returns the lines of a data file with these changes, the header first. */
export function linesWith(...changes: Change[]): string[] {
  const header = encodeHeader({ seq: 0, next: FIRST_IDS });
  return [
    header,
    ...changes.map((change, index) => encodeChange({ seq: index + 1, time: TIME, changes: change })),
  ];
}

/** Returns the lines of a compacted data file: a snapshot of all changes up to `seq`, and one change after it. */
export function linesWithSnapshot(rows: readonly User[], seq = 40, through = seq + 1): string[] {
  const next = { ...FIRST_IDS, users: 9 };
  const change: Change = [{ remove: 'users', id: 8 }];
  return [
    encodeHeader({ seq, snapshot: rows.length, through, next }),
    ...rows.map((row, index) => encodeSnapshotRow(index + 1, 'users', row)),
    encodeChange({ seq: seq + 1, time: TIME, changes: change }),
  ];
}
