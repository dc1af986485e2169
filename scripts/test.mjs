// Runs the suite: `node scripts/test.mjs [part of a path ...]`. `node --test` has no globs on Node 20, so the files
// are listed here; every file is a process of its own.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const wanted = process.argv.slice(2);

const files = readdirSync(`${root}test`, { recursive: true })
  .map((name) => `test/${name}`)
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort();
if (files.length === 0) {
  process.stderr.write(`No test file's path contains ${wanted.join(' or ')}.\n`);
  process.exit(1);
}

const typescript = process.features.typescript ? [] : ['--import', 'tsx'];
const args = [...typescript, '--test', '--test-concurrency=4', ...files];
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
