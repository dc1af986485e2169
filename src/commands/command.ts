// What the subcommands of `jot` have in common. A command gets what it needs of the world as values, and gives an exit code:
// 0 for yes, 1 for no, 2 for wrong usage, 65 for a data file that it can't work with.

import type { Readable, Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { type Environment, parseConfig } from '../config.ts';
import { JotError } from '../lib/errors.ts';
import { DamageError } from '../store/file/record.ts';
import { filePath } from '../store/open.ts';

export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;
/** The `EX_DATAERR` of BSD's sysexits: whoever restarts what has failed can leave alone what only a person can mend. */
export const EXIT_DAMAGE = 65;

/** A stream that a person may be sitting at. */
export type Terminal<Stream> = Stream & {
  readonly isTTY?: boolean;
  /** Whether what is typed comes as it is typed, and is not shown. */
  readonly setRawMode?: (isRaw: boolean) => unknown;
};

export interface World {
  readonly settings: Environment;
  readonly stdin: Terminal<Readable>;
  readonly stdout: Writable;
  readonly stderr: Terminal<Writable>;
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
  /** What may follow the name, as it is typed there, `[file]`, and what that is. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** One line, in the imperative. */
  readonly summary: string;
  /** More to know, in sentences, in lines of 80 characters. */
  readonly details?: string;
  /** @returns the exit code. */
  readonly run: (world: World, args: readonly string[]) => Promise<number>;
}

/** The parameter that `dataFileOf` reads. */
export const FILE: Readonly<Record<string, string>> = {
  '[file]': 'the path of a data file; default: the one in DATABASE_URL',
};

/** Where a command gets a password from. */
export const PASSWORD_SOURCE = `The password is typed twice at the terminal, which does not show it, or is one
line on standard input: < password.txt. It is never an argument, since others
can see those.`;

/** Wrong usage: the command line says nothing that can be done. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** What would make sense. */
  readonly usage: string;

  constructor(message: string, usage = '') {
    super(message);
    this.usage = usage;
  }
}

/** A parsed argument list. */
export interface Arguments {
  /** The options that are present, without their dashes. */
  readonly options: ReadonlySet<string>;
  readonly positionals: readonly string[];
}

/**
 * Parses arguments.
 *
 * @param names The options that are allowed, as `--name`.
 * @param positionalsMax The number of other arguments that are allowed.
 * @throws UsageError for anything else.
 */
export function parseArguments(
  args: readonly string[],
  names: readonly string[],
  positionalsMax: number,
): Arguments {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'boolean' as const }]));
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [surplus] = positionals.slice(positionalsMax);
    if (surplus !== undefined) throw new Error(`"${surplus}" is one argument too many`);
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

/** Writes a report. Rejects when nobody can read it: a command that could not tell has not done what it was for. */
export function print(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
