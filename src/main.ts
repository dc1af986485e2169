// The `jot` command, and the only file that touches the world. It reads the environment and the
// file of settings, passes the standard streams and the process to the command, and ends the
// process with the command's exit code.

import { writeSync } from 'node:fs';
import { EXIT_FAILURE, exitCodeOf, isExpected, UsageError } from './commands/command.ts';
import { runCommandLine, takeEnvFile } from './commands/commands.ts';
import { withEnvFile } from './lib/env-file.ts';

const { stdout, stderr } = process;

// The reader of our output may close the pipe.
for (const stream of [stdout, stderr]) stream.on('error', () => stream.destroy());

// The exit code if the event loop runs empty before the command is done.
process.exitCode = EXIT_FAILURE;
run().then((code) => {
  process.exitCode = code;
}, fail);

async function run(): Promise<number> {
  const { envFile, rest } = takeEnvFile(process.argv.slice(2));
  const { settings, problems } = withEnvFile(envFile ?? '.env', process.env, envFile !== undefined);
  const world = {
    settings,
    settingProblems: problems,
    // A getter, since Node creates the stream on first use, and a server never uses it.
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr,
    // The descriptor of a pipe does not block, since Node has created the stream.
    writeOut: (bytes: Uint8Array) => writeSync(stdout.fd, bytes),
    process,
    now: Date.now,
    elapsed: () => performance.now(),
  };
  return runCommandLine(world, rest);
}

// After EPIPE, there is no reader for a message.
function fail(error: NodeJS.ErrnoException): never {
  if (error.code !== 'EPIPE') stderr.write(`jot: ${isExpected(error) ? error.message : error.stack}\n`);
  if (error instanceof UsageError) stderr.write(`\n${error.usage}`);
  process.exit(exitCodeOf(error));
}
