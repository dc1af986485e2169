// Bytes of a data file that no longer belong into it are kept beside it: nothing is thrown away that somebody may want to
// look at.

import { basename, dirname, join } from 'node:path';
import { JotError } from '../../lib/errors.ts';
import { ignoreMissing } from '../../lib/file-access.ts';
import { type DataFile, type FileSystem, readPieces, writeWholeAsync } from './file-system.ts';

/** `data/jot.jsonl.torn-2026-11-24T100000.000Z`: not every file system takes colons. */
export function besideWithTime(path: string, what: string, now: () => number): string {
  return `${path}.${what}-${new Date(now()).toISOString().replaceAll(':', '')}`;
}

/** What is set aside: the file from a position on. */
export interface Part {
  readonly file: DataFile;
  /** The file's path. */
  readonly path: string;
  /** Bytes. */
  readonly start: number;
}

/**
 * Copies a part of a file into a new one; durably. It gets its name only when all of it is there: half a copy would pass for
 * the original.
 *
 * @returns the new one's path.
 */
export async function setAside(fileSystem: FileSystem, part: Part, asidePath: string): Promise<string> {
  await requireFree(fileSystem, asidePath);
  const unfinished = join(dirname(part.path), `.${basename(part.path)}.aside`);
  await removeIfThere(fileSystem, unfinished);
  const aside = await fileSystem.open(unfinished, 'create');
  try {
    await copy(part, aside).finally(() => aside.close());
    await fileSystem.rename(unfinished, asidePath);
    await fileSystem.syncFolder(dirname(asidePath));
  } catch (error) {
    // On a full disk a copy with every attempt would be the last thing needed.
    for (const path of [unfinished, asidePath]) await removeIfThere(fileSystem, path);
    throw error;
  }
  return asidePath;
}

export async function removeIfThere(fileSystem: FileSystem, path: string): Promise<void> {
  await fileSystem.remove(path).catch(ignoreMissing);
}

async function requireFree(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await (await fileSystem.open(path, 'read')).close();
  } catch (error) {
    return ignoreMissing(error as NodeJS.ErrnoException);
  }
  throw new JotError('unavailable', `${path} is there already`);
}

async function copy({ file, start }: Part, to: DataFile): Promise<void> {
  let length = 0;
  for await (const piece of readPieces(file, start, await file.size())) {
    await writeWholeAsync(to, piece, length);
    length += piece.length;
  }
  await to.sync();
}
