// The folder that a run works in: data files, logs and the built server. It must be on a real disk, since a file system in
// memory makes `fsync` free and a durable write look like none.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, statfsSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// statfs(2): the magic numbers of tmpfs and ramfs.
const MEMORY_FILE_SYSTEMS = [0x01021994, 0x858458f6];

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Scratch {
  readonly work: string;
  /** Nothing of it stays. */
  remove(): void;
}

export function makeScratch(): Scratch {
  const parent = [tmpdir(), '/var/tmp'].find(isOnDisk) ?? root;
  const work = mkdtempSync(join(parent, 'jot-bench-'));
  return { work, remove: () => rmSync(work, { recursive: true, force: true }) };
}

function isOnDisk(folder: string): boolean {
  try {
    return !MEMORY_FILE_SYSTEMS.includes(statfsSync(folder).type);
  } catch {
    // A folder that is not there is not on a disk either.
    return false;
  }
}

export interface Built {
  /** The folder with every module. */
  readonly dist: string;
  /** The file that Node is to run. */
  readonly program: string;
}

/** Builds Jot into a folder of this run's own, for production. */
export function build(work: string): Built {
  const dist = buildWith('npm', ['run', '--silent', 'build'], work);
  return { dist, program: join(dist, 'jot.cjs') };
}

/** The same, but with each source file in a file of its own, for who wants to see what they cost. */
export function compile(work: string): Built {
  const dist = buildWith(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], work);
  return { dist, program: join(dist, 'main.js') };
}

function buildWith(program: string, args: readonly string[], work: string): string {
  const project = join(work, 'jot');
  for (const name of ['src', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    cpSync(join(root, name), join(project, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
  execFileSync(program, args, { cwd: project, stdio: 'inherit' });
  return join(project, 'dist');
}
