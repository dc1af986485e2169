// The parts that the subcommands of `jot` share. A command declares its name and its parameters; the arguments are parsed by
// that declaration, and its help is made from it. It gets the world as values, so tests run it without a process.

import type { Readable, Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { type Environment, parseConfig } from '../config.ts';
import { JotError } from '../lib/errors.ts';
import { DamageError } from '../store/damage.ts';
import { filePath } from '../store/open.ts';

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
/** The `EX_DATAERR` of BSD's sysexits: a restart does not help. */
export const EXIT_DAMAGE = 65;

export interface World {
  readonly settings: Environment;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Signals, and the end of the process. */
  readonly process: Pick<NodeJS.Process, 'on' | 'exit'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds since any moment; never goes back. */
  readonly elapsed: () => number;
}

export interface Command {
  /** As it is typed, `keys rotate`. */
  readonly name: string;
  /** What follows the name, as it is typed there, and its meaning: `[--option]`, `<required>`, `[optional]`. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** One line, in the imperative. */
  readonly summary: string;
  /** More to know, in sentences, in lines of 80 characters. */
  readonly details?: string;
  /** @returns the exit code; undefined for 0. */
  readonly run: (world: World, args: Arguments) => Promise<number | undefined>;
}

export interface Arguments {
  /** The options that are present, without their dashes. */
  readonly options: ReadonlySet<string>;
  readonly positionals: readonly string[];
}

/** The parameter that `dataFileOf` reads. */
export const FILE: Readonly<Record<string, string>> = {
  '[file]': 'the path of a data file; default: the one in DATABASE_URL',
};

/** A command line that no command can be run for. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** The usage of the command that was meant. */
  readonly usage: string;

  constructor(message: string, usage = '') {
    super(message);
    this.usage = usage;
  }
}

/** Parses arguments by the parameters of a command. @throws UsageError for others. */
export function parseArguments(
  { parameters = {} }: Pick<Command, 'parameters'>,
  args: readonly string[],
): Arguments {
  const names = Object.keys(parameters);
  const flags = names.filter((name) => name.startsWith('[--'));
  const required = names.filter((name) => name.startsWith('<'));
  const options = Object.fromEntries(
    flags.map((flag) => [flag.slice('[--'.length, -1), { type: 'boolean' as const }]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (positionals.length < required.length) throw new Error(`${required.join(' ')} is missing`);
    // It is not repeated, since it may be a password.
    if (positionals.length > names.length - flags.length) throw new Error('there is one argument too many');
    return { options: new Set(Object.keys(values)), positionals };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The data file in the arguments, or else in the settings. @throws JotError `unavailable` for a store in memory. */
export function dataFileOf({ settings }: World, [path]: readonly string[]): string {
  // It may be a URL copied from DATABASE_URL.
  if (path !== undefined) return filePath(path) ?? path;
  const found = filePath(parseConfig(settings).databaseUrl);
  if (found !== null) return found;
  throw new JotError('unavailable', 'DATABASE_URL names a store in memory, which only its server can reach');
}

/** The damage to a data file that caused the error, if any. */
export function damageIn(error: Error): DamageError | null {
  const cause = error instanceof JotError ? error.details.cause : null;
  return cause instanceof DamageError ? cause : null;
}

/** `1,234 lines`, `1 line`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** Writes a report. Rejects if it cannot be written: then the command has failed. */
export function print(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
