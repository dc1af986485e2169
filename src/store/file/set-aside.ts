// Keeps a torn end or a damaged original next to the data file, since its bytes may be all that is
// left of a change. An interrupted copy could be mistaken for a whole one. So a copy gets its name
// only when it is complete. Until then it has a hidden name, under which the next start finds and
// removes it.

import { basename, dirname, join } from 'node:path';
import { JotError } from '../../lib/errors.ts';
import { ignoreMissing } from '../../lib/file-access.ts';
import { type DataFile, type FileSystem, readPieces, writeWholeAsync } from './file-system.ts';

type Kind = 'torn' | 'damaged';

/** Returns `data/jot.jsonl.torn-2026-11-24T100000.000Z`: some file systems do not allow colons. */
export function besideWithTime(path: string, kind: Kind, now: () => number): string {
  return `${path}.${kind}-${new Date(now()).toISOString().replaceAll(':', '')}`;
}

/** Resolves to the names of the files that were set aside from this one. */
export async function namesAside(fileSystem: FileSystem, path: string): Promise<string[]> {
  const kinds: readonly Kind[] = ['torn', 'damaged'];
  const beginnings = kinds.map((kind) => `${basename(path)}.${kind}-`);
  const names = await fileSystem.list(dirname(path));
  return names.filter((name) => beginnings.some((beginning) => name.startsWith(beginning))).sort();
}

/** Removes an incomplete copy that a killed process left. */
export async function removeUnfinished(fileSystem: FileSystem, path: string): Promise<void> {
  await removeIfThere(fileSystem, unfinishedPath(path));
}

/** A file from a position on. */
export interface Part {
  readonly file: DataFile;
  /** The file's path. */
  readonly path: string;
  /** Bytes. */
  readonly start: number;
}

/**
 * Copies a part of a file into a new file, durably.
 *
 * @returns the path of the new file.
 */
export async function setAside(fileSystem: FileSystem, part: Part, asidePath: string): Promise<string> {
  await requireFree(fileSystem, asidePath);
  await removeUnfinished(fileSystem, part.path);
  const unfinished = unfinishedPath(part.path);
  const aside = await fileSystem.open(unfinished, 'create');
  try {
    await copy(part, aside).finally(() => aside.close());
    await fileSystem.rename(unfinished, asidePath);
  } catch (error) {
    // Each attempt would leave another copy, possibly on a full disk.
    for (const path of [unfinished, asidePath]) await removeIfThere(fileSystem, path);
    throw error;
  }
  return asidePath;
}

function unfinishedPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.aside`);
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
