// Runs the suite, or the test files whose path contains one of the arguments: `node
// scripts/test.mjs [flag] [part ...]`. With `--check` and no part, types and style are checked
// first and coverage last. With `--crash`, it runs the files in `test/crash`, which take long and
// are not part of the suite.
//
// `node --test` does not accept globs on Node 20. It also starts a process per file, which takes
// longer than most files take to run. So this script lists the files and distributes them over a
// few processes. Tests that start the program as a process use a bundle, since the source takes
// four times as long to start. It is built once, in a folder that c8 includes. Two files are left
// out of the coverage, `lift.ts` and `migrate.ts`: with no migration shipped, most of their lines
// run only in the patched copies that their tests import.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const PROCESSES_MAX = 9;
const RUN_MS_MAX = 900_000;

const root = fileURLToPath(new URL('..', import.meta.url));
const parts = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const isCrash = process.argv.includes('--crash');
const { TEST_TIMEOUT_MS = isCrash ? '600000' : '120000' } = process.env;
const isChecked = process.argv.includes('--check') && parts.length === 0;

const all = readdirSync(join(root, 'test'), { recursive: true })
  .map((name) => `test/${name}`)
  .filter((name) => name.endsWith('.test.ts') && name.startsWith('test/crash/') === isCrash)
  .sort();
const files = all.filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)));
if (files.length === 0) {
  process.stderr.write(`No test file has ${parts.join(' or ')} in its path:\n${all.join('\n')}\n`);
  process.exit(1);
}

if (isChecked) run('npm', ['run', 'check']);

mkdirSync(join(root, 'coverage'), { recursive: true });
const folder = mkdtempSync(join(root, 'coverage/test-'));
const program = join(folder, 'jot.cjs');
await build({
  entryPoints: [join(root, 'src/main.ts')],
  outfile: program,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  define: { 'import.meta.dirname': JSON.stringify(join(root, 'src')) },
  treeShaking: false,
  sourcemap: true,
  sourcesContent: false,
  logLevel: 'warning',
});

const groups = Array.from({ length: Math.min(PROCESSES_MAX, files.length) }, () => []);
files.forEach((file, index) => {
  groups[index % groups.length].push(pathToFileURL(join(root, file)).href);
});
const entries = groups.map((urls, index) => {
  const entry = join(folder, `group-${index + 1}.mjs`);
  const runner = new URL('test/group.mjs', import.meta.url).href;
  const call = `await runFiles(${JSON.stringify(urls)}, ${TEST_TIMEOUT_MS});`;
  writeFileSync(entry, `import { runFiles } from ${JSON.stringify(runner)};\n${call}\n`);
  return entry;
});

const args = [
  ...(process.features.typescript ? [] : ['--import', 'tsx']),
  '--disable-warning=ExperimentalWarning',
  '--test',
  `--test-concurrency=${PROCESSES_MAX}`,
  `--test-reporter=${new URL('test/reporter.mjs', import.meta.url).href}`,
  ...entries,
];
process.env.JOT_PROGRAM = program;
process.once('exit', () => rmSync(folder, { recursive: true }));
if (isChecked) run('c8', [process.execPath, ...args]);
else run(process.execPath, args);

/** Ends this process too if the other one fails. */
function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', timeout: RUN_MS_MAX });
  if (status !== 0) process.exit(status ?? 1);
}
