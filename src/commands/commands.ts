// The table of commands, and the lookup of a command by the words of a command line.

import { parseArgs } from 'node:util';
import { VERSION } from '../version.ts';
import { check } from './check.ts';
import { type Command, parseArguments, print, UsageError, type World } from './command.ts';
import { compact } from './compact.ts';
import { exportRows } from './export.ts';
import { importRows } from './import.ts';
import { listKeys, retireKeys, rotateKeys } from './keys.ts';
import { migrate } from './migrate.ts';
import { repair } from './repair.ts';
import { serve } from './serve.ts';
import { helpOf, usageOf, usageOfOne } from './usage.ts';
import { changePassword, createUser, deleteUser, disableUser, enableUser, logoutUser } from './user.ts';
import { listUsers } from './user-list.ts';

const help: Command = {
  name: 'help',
  parameters: { '[command]': 'the first word of a command', '[subcommand]': 'its second word' },
  summary: 'list the commands; `--help` after a command explains it',
  async run({ stdout }, { positionals }) {
    await print(stdout, helpFor(positionals));
  },
};

const version: Command = {
  name: 'version',
  summary: 'show the version',
  async run({ stdout }) {
    await print(stdout, `${VERSION}\n`);
  },
};

export const commands: readonly Command[] = [
  ...[serve, check, repair, compact, migrate, exportRows, importRows],
  ...[listKeys, rotateKeys, retireKeys],
  ...[listUsers, createUser, changePassword, logoutUser, disableUser, enableUser, deleteUser],
  ...[help, version],
];

const USAGE = usageOf(commands);

/** Removes `--env-file=<path>`, which may be anywhere before `--`, from a command line. */
export function takeEnvFile(args: readonly string[]) {
  const options = { 'env-file': { type: 'string' } } as const;
  const { values, tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const { 'env-file': path } = values;
  if (typeof path === 'boolean' || path === '') throw new UsageError('--env-file must name a file', USAGE);
  const taken = tokens.flatMap((token) => {
    if (token.kind !== 'option' || token.name !== 'env-file') return [];
    return token.inlineValue ? [token.index] : [token.index, token.index + 1];
  });
  return { envFile: path, rest: args.filter((_, index) => !taken.includes(index)) };
}

/**
 * Runs the command named by the arguments; without arguments, `serve`.
 *
 * @returns the exit code.
 * @throws UsageError with the usage of the command, or of all commands if none has that name.
 */
export async function runCommandLine(world: World, args: readonly string[]): Promise<number> {
  const words = args.length === 0 ? ['serve'] : args;
  if (asksForHelp(words)) {
    await print(world.stdout, helpFor(words));
    return 0;
  }
  const command = words[0] === '--version' ? version : find(words);
  const rest = words.slice(command.name.split(' ').length);
  try {
    return (await command.run(world, parseArguments(command, rest))) ?? 0;
  } catch (error) {
    throw error instanceof UsageError ? new UsageError(error.message, usageOfOne(command)) : error;
  }
}

// After `--` there are no options.
function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  const options = end === -1 ? words : words.slice(0, end);
  return options.includes('--help') || options.includes('-h');
}

function helpFor(args: readonly string[]): string {
  const words = args.filter((word) => !word.startsWith('-'));
  if (words.length > 0 && words[0] !== 'help') return helpOf(find(words));
  return `${USAGE}
Settings come from the environment, and otherwise from the file .env, or from the
one that --env-file=<path> names before or after any command. [file] is a data
file; default: the one in DATABASE_URL.
\`jot <command> --help\` shows the details of a command.

Exit codes: 0: success; 1: failure; 2: wrong usage; 65: the data file is damaged,
was written by a newer Jot, or is not a data file; 78: a setting is wrong.
`;
}

// The words after the first are not quoted, since one of them may be a misplaced secret.
function find(words: readonly string[]): Command {
  const command = commands.find(({ name }) => name.split(' ').every((word, index) => words[index] === word));
  if (command !== undefined) return command;
  throw new UsageError(`"${words[0]?.split('=')[0]}" is not the name of a command`, USAGE);
}
