// `npm run fuzz`: looks for answers that `/openapi.json` does not announce. See `--help`.

import { withProgress } from '../src/commands/progress.ts';
import { parseOptions, USAGE, UsageError } from './fuzz/options.ts';
import { type Report, run } from './fuzz/run.ts';
import { toShell } from './fuzz/shell.ts';
import { openTarget, SETTINGS } from './fuzz/target.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

try {
  await fuzz(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`fuzz: ${error.message}\n\n${USAGE}`);
  process.exitCode = EXIT_USAGE;
}

async function fuzz(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options === null) {
    process.stdout.write(USAGE);
    return;
  }
  const { seed, requests, seconds } = options;
  const { stderr } = process;
  const terminal = { stderr, elapsed: () => performance.now() };
  const report = await withProgress(
    terminal,
    `sending ${requests} requests, at most ${seconds} s:`,
    (onProgress) => run({ seed, requests, deadlineMs: seconds * 1_000, open: openTarget, onProgress }),
  );
  if (report.found !== null) process.stdout.write(describe(seed, report.found));
  else for (const name of report.uncovered) process.stdout.write(`Never succeeded: ${name}\n`);
  process.stdout.write(summary(seed, report));
  if (report.found !== null || report.uncovered.length > 0) process.exitCode = EXIT_FAILURE;
}

function describe(seed: number, { fault, steps }: NonNullable<Report['found']>): string {
  const settings = Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}`);
  return [
    `Seed ${seed}: ${fault.text}`,
    'To see it again, start a server:',
    `${settings.join(' ')} npm start`,
    'and send:',
    'URL=http://127.0.0.1:3000',
    toShell(steps),
    '',
  ].join('\n');
}

function summary(seed: number, { requests, operations, uncovered, statuses }: Report): string {
  const seen = [...statuses]
    .sort(([one], [other]) => one - other)
    .map(([status, times]) => `${status} ×${times}`);
  const covered = operations - uncovered.length;
  return `Seed ${seed}: ${requests} requests, ${covered} of ${operations} operations succeeded; ${seen.join(', ')}\n`;
}
