// Runs the suite: `node scripts/test.mjs [--crash] [part of a path ...]`. With `--crash` it is the long tests below
// `test/crash`, which are no part of the suite otherwise. `node --test` has no globs on Node 20, and gives every file
// a process of its own, which takes longer to start than most files take to run. So the files are listed here and dealt
// out to a few processes. A group that hangs is a failure, not a wait without end.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const GROUPS_MAX = 8;
const TIMEOUT_MS = 900_000;
const root = new URL('..', import.meta.url);
const isCrash = process.argv[2] === '--crash';
const wanted = process.argv.slice(isCrash ? 3 : 2);

const files = readdirSync(new URL('test', root), { recursive: true })
  .map((name) => `test/${name}`)
  .filter((name) => name.endsWith('.test.ts') && name.startsWith('test/crash/') === isCrash)
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort();
if (files.length === 0) {
  process.stderr.write(`No test file's path contains ${wanted.join(' or ')}.\n`);
  process.exit(1);
}

const groups = Array.from({ length: Math.min(GROUPS_MAX, files.length) }, () => []);
files.forEach((file, index) => {
  groups[index % groups.length].push(`await import(${JSON.stringify(new URL(file, root).href)});\n`);
});
const folder = mkdtempSync(join(tmpdir(), 'jot-test-'));
const entries = groups.map((imports, index) => {
  const entry = join(folder, `group-${index + 1}.mjs`);
  writeFileSync(entry, imports.join(''));
  return entry;
});

const typescript = process.features.typescript ? [] : ['--import', 'tsx'];
const args = [...typescript, '--test', '--test-concurrency=3', `--test-timeout=${TIMEOUT_MS}`, ...entries];
const { status } = spawnSync(process.execPath, args, { cwd: fileURLToPath(root), stdio: 'inherit' });
rmSync(folder, { recursive: true });
process.exit(status ?? 1);
