// A copy of the project that a test may build and change, so that it leaves nothing behind in the real one.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Cleanup, temporaryFolder } from '../disk/temporary-folder.ts';

const COPIED = [
  'src',
  'scripts',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'LICENSE',
  'README.md',
];

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A folder with the source and what it takes to build it; the development tools are the real ones. */
export function scratchProject(t: Cleanup): string {
  const folder = temporaryFolder(t);
  for (const name of COPIED.filter((each) => existsSync(root + each))) {
    cpSync(root + name, `${folder}/${name}`, { recursive: true });
  }
  symlinkSync(`${root}node_modules`, `${folder}/node_modules`);
  return folder;
}

/** Builds such a copy. @returns the folder with what was built. */
export async function builtProject(t: Cleanup): Promise<string> {
  const project = scratchProject(t);
  const { code, stderr } = await run('npm', ['run', 'build'], project);
  assert.equal(code, 0, stderr);
  return `${project}/dist`;
}

/** Runs a program to its end. @returns what it wrote; its exit code is 0 unless it says so. */
export async function run(
  file: string,
  args: readonly string[],
  cwd: string,
): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, npm_config_offline: 'true', npm_config_update_notifier: 'false' };
  try {
    return { code: 0, ...(await promisify(execFile)(file, args, { cwd, env })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    if (stdout === undefined) throw error;
    return { code, stdout, stderr };
  }
}

/** Type checks or builds with the project's own compiler. */
export function tsc(args: readonly string[], cwd: string) {
  return run(`${root}node_modules/.bin/tsc`, args, cwd);
}
