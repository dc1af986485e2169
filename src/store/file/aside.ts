// Bytes of a data file that no longer belong into it are kept beside it: nothing is thrown away that somebody may want to
// look at.

import { dirname } from 'node:path';
import { type DataFile, type FileSystem, ignoreMissing, readPieces, writeWholeAsync } from './file-system.ts';

/** `data/jot.jsonl.torn-2026-11-24T100000.000Z`: not every file system takes colons. */
export function besideWithTime(path: string, what: string, now: () => number): string {
  return `${path}.${what}-${new Date(now()).toISOString().replaceAll(':', '')}`;
}

/** Copies a file from a position on into a new one; durably. */
export async function setAside(
  fileSystem: FileSystem,
  file: DataFile,
  start: number,
  asidePath: string,
): Promise<void> {
  const aside = await fileSystem.open(asidePath, 'create');
  try {
    await copy(file, start, aside).finally(() => aside.close());
    await fileSystem.syncFolder(dirname(asidePath));
  } catch (error) {
    // On a full disk a half copy with every attempt would be the last thing needed.
    await fileSystem.remove(asidePath).catch(ignoreMissing);
    throw error;
  }
}

async function copy(from: DataFile, start: number, to: DataFile): Promise<void> {
  let length = 0;
  for await (const piece of readPieces(from, start, await from.size())) {
    await writeWholeAsync(to, piece, length);
    length += piece.length;
  }
  await to.sync();
}
