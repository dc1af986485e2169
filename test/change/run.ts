// `npm run test:change`: shows that Jot is easy to change. Three changes are kept as patches,
// written as a newcomer would write them: a resource (comments on posts), a field (a bio of users),
// and a limit (for the search by prefix). All of them are applied to a copy of the project, where
// types, lint and the whole suite must pass with no existing test edited.
//
// A patch may add test files and change the source. The maximum number of source files that it may
// touch is stated below. The README names these files for anyone making such a change, so the two
// must agree.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Change {
  readonly patch: string;
  /** Heading of the README's section about the change. */
  readonly heading: string;
  readonly sourceFilesMax: number;
}

const changes: readonly Change[] = [
  { patch: 'comments.patch', heading: 'Add a resource', sourceFilesMax: 4 },
  { patch: 'bio.patch', heading: 'Add a field', sourceFilesMax: 3 },
  { patch: 'search.patch', heading: 'Add a limit', sourceFilesMax: 3 },
];

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const copy = mkdtempSync(join(tmpdir(), 'jot-change-'));
process.on('exit', () => rmSync(copy, { recursive: true }));

copyProject();
for (const change of changes) apply(change);
run('npm', ['run', '-s', 'check']);
run('node', ['scripts/test.mjs']);

function copyProject(): void {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0');
  for (const file of files.filter((each) => each !== '')) {
    // With timestamps: a lock file newer than the installed packages would cause another
    // installation.
    cpSync(join(root, file), join(copy, file), { preserveTimestamps: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
}

function apply({ patch, heading, sourceFilesMax }: Change): void {
  const path = fileURLToPath(new URL(patch, import.meta.url));
  const text = readFileSync(path, 'utf8');
  const pairs = [...text.matchAll(/^--- (?:a\/)?(.*)\n\+\+\+ b\/(.*)$/gm)];
  const edited = pairs.filter(([, from]) => from !== '/dev/null').map(([, , to = '']) => to);
  assert.deepEqual(
    edited.filter((file) => !file.startsWith('src/')),
    [],
    `${patch} edits more`,
  );

  const touched = pairs.map(([, , to = '']) => to).filter((file) => file.startsWith('src/'));
  assert.ok(touched.length <= sourceFilesMax, `${patch} touches ${touched.length} source files`);
  assert.deepEqual(touched.sort(), filesNamedBelow(heading), `${patch} and the README disagree`);
  run('git', ['apply', '--whitespace=error', path]);
}

function filesNamedBelow(heading: string): string[] {
  const section = readme.split(/^#+ /m).find((each) => each.startsWith(`${heading}\n`)) ?? '';
  return [...new Set([...section.matchAll(/`(src\/[\w/-]+\.ts)`/g)].map(([, path = '']) => path))].sort();
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { cwd: copy, stdio: 'inherit' });
}
