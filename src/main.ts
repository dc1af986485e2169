// The `jot` command: the one file that touches the world. It reads the environment and a `.env` file, hands standard input and
// output to the commands, listens to signals and ends the process.

import { createApp } from './app.ts';
import {
  type Command,
  EXIT_DAMAGE,
  EXIT_FAILURE,
  EXIT_USAGE,
  parseArguments,
  print,
  UsageError,
} from './commands/command.ts';
import { commands } from './commands/commands.ts';
import { withProgress } from './commands/progress.ts';
import { asksForHelp, groupOf, helpOf, usageOf, usageOfOne } from './commands/usage.ts';
import { type Config, parseConfig } from './config.ts';
import { listenProblem } from './http/listen-problem.ts';
import { withEnvFile } from './lib/env-file.ts';
import { JotError } from './lib/errors.ts';
import { LineBuffer } from './lib/line-buffer.ts';
import { createLog } from './lib/log.ts';
import { nearestName } from './lib/nearest-name.ts';
import { keepNextTickQuick } from './lib/next-tick.ts';
import { DamageError, NotJotError, VersionError } from './store/file/record.ts';
import { VERSION } from './version.ts';

// A terminal sends Ctrl-C to all of its processes, and npm passes it on to the one that it has started, which has it already.
const ECHO_MS_MAX = 500;

const serve: Command = {
  name: 'serve',
  summary: 'start the server (the default)',
  details: `Settings come from the environment, and from a file .env in the working directory where the environment has none; the
README lists them. The log goes to standard output. SIGTERM or Ctrl-C ends it in order: what is under way has ten seconds.
A second signal ends it at once.`,
  async run(world, args) {
    parseArguments(args, [], 0);
    keepNextTickQuick();
    const lines = new LineBuffer((text) => process.stdout.writable && process.stdout.write(text));
    process.on('exit', lines.flush);
    const writeLog = lines.add;
    const served = await withProgress(world, 'loading', async (onProgress) => {
      const app = createApp({ settings: world.settings, writeLog, onProgress });
      const isEnding = closeOnSignals(app.close);
      const url = await app.listen().catch((error) => {
        // Somebody wanted it to end while it started: that is no failure.
        if (!isEnding()) explained(error, app.config);
      });
      return url === undefined ? null : { url, config: app.config };
    });
    if (served !== null) announce(served.url, served.config, writeLog);
    return 0;
  },
};

const help: Command = {
  name: 'help',
  parameters: { '[command]': 'one of them, `user create`; by default a list of all' },
  summary: 'list the commands; `--help` after a command explains it',
  async run({ stdout }, args) {
    await print(stdout, usageFor(args));
    return 0;
  },
};

const version: Command = {
  name: 'version',
  summary: 'show the version',
  async run({ stdout }) {
    await print(stdout, `${VERSION}\n`);
    return 0;
  },
};

const allCommands: readonly Command[] = [serve, ...commands, help, version];

const ALIASES: ReadonlyMap<string, string> = new Map([
  ['--help', 'help'],
  ['-h', 'help'],
  ['--version', 'version'],
  ['-v', 'version'],
]);

// Whoever reads the output may stop reading; that is no reason to stop serving.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stream.destroy());

// For a process that ends with nothing left to do before its command is done.
process.exitCode = EXIT_FAILURE;
run(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
}, failed);

async function run([first = 'serve', ...rest]: readonly string[]): Promise<number> {
  const words = [ALIASES.get(first) ?? first, ...rest];
  const { stdout, stderr } = process;
  if (asksForHelp(rest)) {
    await print(stdout, usageFor(words));
    return 0;
  }
  const command = find(words);
  if (command === undefined) throw unknownCommand(words);
  const world = {
    settings: withEnvFile('.env', process.env),
    // Node makes the stream when it is asked for, and a server never asks.
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr,
    now: Date.now,
    elapsed: () => performance.now(),
  };
  return command.run(world, words.slice(command.name.split(' ').length)).catch((error) => {
    throw error instanceof UsageError && command !== help
      ? new UsageError(error.message, usageOfOne(command))
      : error;
  });
}

function find(words: readonly string[]): Command | undefined {
  return allCommands.find(({ name }) => name.split(' ').every((word, index) => words[index] === word));
}

// What follows a name may be a secret in the wrong place, so of a group two words are repeated, and otherwise one.
function unknownCommand([first = '', second]: readonly string[]): UsageError {
  if (first.startsWith('--')) return unknownOption(first, second);
  const group = groupOf(allCommands, first);
  const usage = group.length === 0 ? '' : usageOf(group, `${first} <command>`);
  if (usage !== '' && second === undefined) return new UsageError(`"${first}" alone is not a command`, usage);
  const name = usage === '' ? first : `${first} ${second}`;
  const names = allCommands.map((command) => command.name);
  const meant = nearestName(name, names) ?? nearestName(`${first} ${second}`, names);
  if (meant !== undefined)
    return new UsageError(`there is no command "${name}"; did you mean "${meant}"?`, usage);
  const advice = usage === '' ? '; `jot help` lists them' : '';
  return new UsageError(`there is no command "${name}"${advice}`, usage);
}

// The value may be a secret, and a number is none.
function unknownOption(option: string, next = ''): UsageError {
  const [dashed = '', value = next] = option.split('=');
  const name = dashed.slice('--'.length).replaceAll('-', '_').toUpperCase();
  const isSetting = parseConfig({}).settings.some((each) => each.name === name);
  const example = isSetting ? `: ${name}=${/^\d+$/.test(value) ? value : '…'} npm start` : '';
  return new UsageError(`"${dashed}" is not an option; settings come from the environment${example}`);
}

function usageFor(words: readonly string[]): string {
  const named = words.filter((word) => !word.startsWith('-'));
  const [first = 'help', second] = named;
  const command = find(named);
  if (command !== undefined && command !== help) return helpOf(command);
  const group = groupOf(allCommands, first);
  if (group.length > 0 && second === undefined) return usageOf(group, `${first} <command>`);
  if (first !== 'help') throw unknownCommand(named);
  return `${usageOf(allCommands, '[command]')}
Settings come from the environment, and from a file .env where the environment has none. [file] is a data file; by default the one
that DATABASE_URL names. \`jot <command> --help\` says more of each.
`;
}

/** @returns whether a signal has come. */
function closeOnSignals(close: (signal: string) => Promise<void>): () => boolean {
  let first: { readonly signal: string; readonly atMs: number } | null = null;
  const onSignal = async (signal: string) => {
    const atMs = performance.now();
    // The first signal asks to finish; the second one means it, unless it is the first one's echo.
    if (first !== null && signal === first.signal && atMs - first.atMs < ECHO_MS_MAX) return;
    if (first !== null) process.exit(EXIT_FAILURE);
    first = { signal, atMs };
    await close(signal).catch(failed);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
  return () => first !== null;
}

function announce(url: string, { logFormat, databaseUrl }: Config, writeLog: (line: string) => void): void {
  if (logFormat === 'json') {
    createLog({ format: 'json', write: writeLog, now: Date.now }).info('ready', {
      url,
      data: databaseUrl,
      version: VERSION,
    });
    return;
  }
  process.stdout.write(`Jot is ready at ${url} (data: ${databaseUrl}). Try: curl ${url}/users\n`);
}

function explained(error: NodeJS.ErrnoException, config: Config): never {
  const damage = damageIn(error);
  const advice =
    damage instanceof NotJotError
      ? 'is DATABASE_URL right? `jot check` tells more'
      : '`jot check` tells more, `jot repair` saves what there is';
  if (damage !== null && !(damage instanceof VersionError))
    throw new JotError('unavailable', `${error.message}; ${advice}`, { cause: damage });
  const problem = listenProblem(error, config);
  throw problem === null ? error : new JotError('unavailable', problem, { cause: error });
}

// An expected failure explains itself; anything else is a bug, and its stack is the explanation. A reader that has gone
// needs none.
function failed(error: NodeJS.ErrnoException): never {
  const isExpected = error instanceof JotError || error instanceof UsageError || 'syscall' in error;
  if (error.code !== 'EPIPE') process.stderr.write(`jot: ${isExpected ? error.message : error.stack}\n`);
  if (error instanceof UsageError && error.usage !== '') process.stderr.write(`\n${error.usage}`);
  process.exit(exitCodeOf(error));
}

function exitCodeOf(error: Error): number {
  if (error instanceof UsageError) return EXIT_USAGE;
  return damageIn(error) === null ? EXIT_FAILURE : EXIT_DAMAGE;
}

function damageIn(error: Error): DamageError | null {
  const cause = error instanceof JotError ? error.details.cause : null;
  return cause instanceof DamageError ? cause : null;
}
