// A disk in memory whose power can be cut at any moment: stands in for a real disk and its cache.
//
// It records every operation. After a cut, only the synced operations are certain. Any subset of
// the others may have reached the disk, in any order: some sectors of a write, with zeros in the
// rest; a truncation; a rename. The content of a file is durable after a sync of the file, and its
// name only after a sync of the folder. POSIX promises no more (fsync(2)).

import { basename } from 'node:path';
import type { DataFile, FileSystem } from '../../../src/store/file/file-system.ts';
import { systemError } from './faulty-file-system.ts';

const SECTOR_BYTES = 512;

/** The contents of a disk, by path. */
export type Image = ReadonlyMap<string, Buffer>;

type Write = { readonly write: Buffer; readonly position: number; readonly file: number };
type Truncate = { readonly truncate: number; readonly file: number };
type Content = Write | Truncate;
/** The name now leads to that file, or to no file if null; `instead` is removed. */
type Naming = { readonly name: string; readonly leadsTo: number | null; readonly instead?: string };
export type Recorded = Content | Naming | { readonly sync: number } | { readonly syncFolder: true };

/** Decides for each unsynced operation whether it reached the disk. */
export interface Luck {
  readonly isKept: () => boolean;
  /** Called for each sector of a write that is kept. */
  readonly isSectorKept: () => boolean;
}

export class PowerLossDisk {
  readonly recorded: Recorded[] = [];
  /** Whether writes fail half-way. */
  isFull = false;
  /** Whether a rename is not synced. */
  isLying = false;
  /** Called before each operation. */
  onRecord: () => void = () => undefined;
  readonly #files: Buffer[] = [];
  readonly #names = new Map<string, number>();

  /** @param before Operations since the image, which programs see although they may not have reached the disk. */
  constructor(image: Image = new Map(), before: readonly Recorded[] = []) {
    for (const [name, content] of image) {
      this.#names.set(name, this.#files.length);
      this.#files.push(content);
    }
    for (const each of before) this.#record(each);
  }

  readonly fileSystem: FileSystem = {
    open: async (path, access) => {
      const there = this.#names.get(path);
      if (access === 'create' && there !== undefined) throw failure('EEXIST');
      if (access !== 'create' && there === undefined) throw failure('ENOENT');
      if (there !== undefined) return this.#opened(there);
      const file = this.#files.length;
      this.#record({ name: path, leadsTo: file });
      return this.#opened(file);
    },
    rename: async (from, to) => {
      this.#record({ name: to, leadsTo: this.#fileAt(from), instead: from });
      if (!this.isLying) this.#record({ syncFolder: true });
    },
    list: async () => [...this.#names.keys()].map((path) => basename(path)),
    remove: async (path) => {
      this.#fileAt(path);
      this.#record({ name: path, leadsTo: null });
    },
    makeFolder: async () => undefined,
    freeBytes: async () => Number.POSITIVE_INFINITY,
    syncFolder: async () => this.#record({ syncFolder: true }),
  };

  #opened(file: number): DataFile {
    const content = () => this.#files[file] ?? Buffer.alloc(0);
    const write = (bytes: Uint8Array, position: number) => {
      const fitting = this.isFull ? bytes.length >> 1 : bytes.length;
      this.#record({ write: Buffer.from(bytes.subarray(0, fitting)), position, file });
      if (this.isFull) throw systemError('ENOSPC');
      return bytes.length;
    };
    const readSync = (buffer: Uint8Array, position: number) =>
      content().copy(buffer, 0, position, position + buffer.length);
    return {
      size: async () => content().length,
      read: async (buffer, position) => readSync(buffer, position),
      readSync,
      write,
      writeAsync: async (bytes, position) => write(bytes, position),
      sync: async () => this.#record({ sync: file }),
      truncate: (length) => this.#record({ truncate: length, file }),
      isAt: async (path) => this.#names.get(path) === file,
      countNames: async () => 1,
      belongLike: async (path) => void this.#fileAt(path),
      close: async () => undefined,
    };
  }

  #fileAt(path: string): number {
    const file = this.#names.get(path);
    if (file === undefined) throw failure('ENOENT');
    return file;
  }

  #record(each: Recorded): void {
    this.onRecord();
    this.recorded.push(each);
    if ('name' in each) rename(this.#names, each);
    if ('file' in each) this.#files[each.file] = changed(this.#files[each.file], each);
    else if ('leadsTo' in each && each.leadsTo !== null) this.#files[each.leadsTo] ??= Buffer.alloc(0);
  }
}

/** Returns the contents of the disk when it has power again. */
export function afterPowerCut(image: Image, recorded: readonly Recorded[], luck: Luck): Image {
  const files = new Map([...image.values()].entries());
  const names = new Map([...image.keys()].map((name, file) => [name, file] as const));
  const contents: Content[] = [];
  const namings: Naming[] = [];
  for (const each of recorded) {
    if ('file' in each) contents.push(each);
    else if ('name' in each) namings.push(each);
    else if ('syncFolder' in each) for (const naming of namings.splice(0)) rename(names, naming);
    else settle(files, contents, each.sync);
  }
  for (const each of contents) {
    if (luck.isKept()) files.set(each.file, changed(files.get(each.file), each, luck.isSectorKept));
  }
  for (const naming of namings) if (luck.isKept()) rename(names, naming);
  return new Map([...names].map(([name, file]) => [name, files.get(file) ?? Buffer.alloc(0)]));
}

function settle(files: Map<number, Buffer>, contents: Content[], file: number): void {
  for (const each of contents.splice(0)) {
    if (each.file === file) files.set(file, changed(files.get(file), each));
    else contents.push(each);
  }
}

function rename(names: Map<string, number>, { name, leadsTo, instead }: Naming): void {
  if (leadsTo === null) names.delete(name);
  else names.set(name, leadsTo);
  if (instead !== undefined) names.delete(instead);
}

function changed(
  content: Buffer = Buffer.alloc(0),
  change: Content,
  isSectorKept: () => boolean = () => true,
): Buffer {
  if ('truncate' in change) {
    const cut = Buffer.alloc(change.truncate);
    content.copy(cut);
    return cut;
  }
  const { write, position } = change;
  const end = position + write.length;
  const result = Buffer.alloc(Math.max(content.length, end));
  content.copy(result);
  for (let start = position; start < end; ) {
    const next = Math.min(end, start - (start % SECTOR_BYTES) + SECTOR_BYTES);
    if (isSectorKept()) write.copy(result, start, start - position, next - position);
    start = next;
  }
  return result;
}

function failure(code: 'ENOENT' | 'EEXIST'): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}
