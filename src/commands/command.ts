// The parts that the subcommands of `jot` share. A command declares its name and parameters; its
// arguments are parsed by that declaration, and its help is generated from it. The world is passed
// in as values, so tests run a command without a process.

import type { Readable, Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { type Config, type Environment, parseConfig } from '../config.ts';
import { JotError, type SettingProblem } from '../lib/errors.ts';
import { DamageError } from '../store/damage.ts';
import { filePath } from '../store/open.ts';

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
/** `EX_DATAERR` of sysexits(3): the data is damaged, so a restart does not help. */
export const EXIT_DAMAGE = 65;
/** `EX_CONFIG` of sysexits(3): a setting is wrong, so a restart does not help. */
export const EXIT_CONFIG = 78;

export interface World {
  readonly settings: Environment;
  /** Wrong lines of the file of settings. */
  readonly settingProblems: readonly SettingProblem[];
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly isTTY?: boolean };
  /** Writes to standard output without waiting, as `LineOutput` needs it. */
  readonly writeOut: (bytes: Uint8Array) => number;
  /** For signals and for ending the process. */
  readonly process: Pick<NodeJS.Process, 'on' | 'exit' | 'kill' | 'pid'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds on a clock that only runs forward. */
  readonly elapsed: () => number;
}

export interface Command {
  /** Name as typed: `keys rotate`. */
  readonly name: string;
  /**
   * Parameters as shown after the name, with their meaning: `[--option]`, `<required>`,
   * `[optional]`.
   */
  readonly parameters?: Readonly<Record<string, string>>;
  /** One line, in the imperative. */
  readonly summary: string;
  /** Details, as sentences in lines of 80 characters. */
  readonly details?: string;
  /** @returns the exit code; undefined for 0. */
  readonly run: (world: World, args: Arguments) => Promise<number | undefined>;
}

export interface Arguments {
  /** The options given, without their dashes. */
  readonly options: ReadonlySet<string>;
  readonly positionals: readonly string[];
}

/** The parameter that `dataFileOf` reads. */
export const FILE: Readonly<Record<string, string>> = {
  '[file]': 'the path of a data file; default: the one in DATABASE_URL',
};

/** A command line that does not fit any command. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** Usage of the command that was named; empty if unknown. */
  readonly usage: string;

  constructor(message: string, usage = '') {
    super(message);
    this.usage = usage;
  }
}

/**
 * Parses the arguments of a command by its parameters.
 *
 * @throws UsageError if they do not fit.
 */
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
    // Not quoted, since it may be a password.
    if (positionals.length > names.length - flags.length) throw new Error('there are too many arguments');
    return { options: new Set(Object.keys(values)), positionals };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** @throws JotError `validation_failed` for wrong settings. */
export function configOf({ settings, settingProblems }: World): Config {
  return parseConfig(settings, undefined, settingProblems);
}

/**
 * Returns the data file named by the arguments, or else by the settings.
 *
 * @throws JotError `unavailable` for a store in memory.
 */
export function dataFileOf(world: World, [path]: readonly string[]): string {
  // The argument may be a URL copied from DATABASE_URL.
  if (path !== undefined) return filePath(path) ?? path;
  const found = filePath(configOf(world).databaseUrl);
  if (found !== null) return found;
  throw new JotError('unavailable', 'DATABASE_URL names a store in memory, which only its server can reach');
}

/** Returns the damage to a data file that caused the error; null if the cause is another. */
export function damageIn(error: Error): DamageError | null {
  const cause = error instanceof JotError ? error.details.cause : null;
  return cause instanceof DamageError ? cause : null;
}

/** Returns the exit code of a command that failed. */
export function exitCodeOf(error: Error): number {
  if (error instanceof UsageError) return EXIT_USAGE;
  if (error instanceof JotError && error.details.problems !== undefined) return EXIT_CONFIG;
  return damageIn(error) === null ? EXIT_FAILURE : EXIT_DAMAGE;
}

/** Whether an error is expected, so that its message is enough. Any other exception is a bug. */
export function isExpected(error: Error): boolean {
  return error instanceof JotError || error instanceof UsageError || 'syscall' in error;
}

/** `1,234 lines`, `1 line`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** Writes a report. Rejects if it cannot be written, since the command has then failed. */
export function print(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
