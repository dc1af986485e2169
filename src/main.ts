// The `jot` command: the one file that touches the world. It reads the environment and a `.env` file, hands the standard
// streams and the process to the command, and ends the process with its exit code.

import { damageIn, EXIT_DAMAGE, EXIT_FAILURE, EXIT_USAGE, UsageError } from './commands/command.ts';
import { runCommandLine } from './commands/commands.ts';
import { withEnvFile } from './lib/env-file.ts';
import { JotError } from './lib/errors.ts';

const { stdout, stderr } = process;

// A reader may stop reading; that is no reason to stop serving.
for (const stream of [stdout, stderr]) stream.on('error', () => stream.destroy());

// For a process that ends with nothing left to do before its command is done.
process.exitCode = EXIT_FAILURE;
run().then((code) => {
  process.exitCode = code;
}, fail);

async function run(): Promise<number> {
  const world = {
    settings: withEnvFile('.env', process.env),
    // Node creates the stream on first use, and a server never uses it.
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr,
    process,
    now: Date.now,
    elapsed: () => performance.now(),
  };
  return runCommandLine(world, process.argv.slice(2));
}

// An expected failure explains itself; anything else is a bug, and its stack explains it. A reader that has gone needs neither.
function fail(error: NodeJS.ErrnoException): never {
  const isExpected = error instanceof JotError || error instanceof UsageError || 'syscall' in error;
  if (error.code !== 'EPIPE') stderr.write(`jot: ${isExpected ? error.message : error.stack}\n`);
  if (error instanceof UsageError) stderr.write(`\n${error.usage}`);
  process.exit(exitCodeOf(error));
}

function exitCodeOf(error: Error): number {
  if (error instanceof UsageError) return EXIT_USAGE;
  return damageIn(error) === null ? EXIT_FAILURE : EXIT_DAMAGE;
}
