// The folder of a run: data files, logs and the built server. It must be on a real disk: in a file
// system in memory `fsync` costs nothing, and durable writes would look free.

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, statfsSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// statfs(2): the magic numbers of tmpfs and ramfs.
const MEMORY_FILE_SYSTEMS = [0x01021994, 0x858458f6];

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Removed when the process exits. */
export function makeScratch(): string {
  const isOnDisk = (folder: string) => !MEMORY_FILE_SYSTEMS.includes(statfsSync(folder).type);
  const parent = [tmpdir(), '/var/tmp'].find((folder) => existsSync(folder) && isOnDisk(folder));
  const work = mkdtempSync(join(parent ?? root, 'jot-bench-'));
  process.once('exit', () => rmSync(work, { recursive: true, force: true }));
  return work;
}

/** Builds a copy of the project and returns its `dist`; the project's own `dist` is not touched. */
export function build(work: string): string {
  const project = join(work, 'jot');
  for (const name of ['src', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    cpSync(join(root, name), join(project, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: project, stdio: 'inherit' });
  return join(project, 'dist');
}
