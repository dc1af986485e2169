// The world of a command: stands in for the process, with streams that collect their output, settings, and clocks that
// stand still until a test moves them.

import { PassThrough, Readable, type Writable } from 'node:stream';
import { type Command, parseArguments, type World } from '../../../src/commands/command.ts';
import { TIME } from '../disk/records.ts';

export interface WorldOptions {
  readonly settings?: Readonly<Record<string, string>>;
  /** What comes on standard input. */
  readonly stdin?: string | Uint8Array | Readable;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Whether somebody sits at standard error. */
  readonly isTTY?: boolean;
  /** Milliseconds since any moment. */
  readonly elapsed?: () => number;
}

export interface TestWorld extends World {
  /** What was written so far. */
  readonly output: { stdout: string; stderr: string };
}

export function createWorld({
  settings = {},
  stdin = '',
  now = () => TIME,
  isTTY = false,
  elapsed = () => 0,
}: WorldOptions = {}): TestWorld {
  const output = { stdout: '', stderr: '' };
  const collecting = (name: keyof typeof output): Writable =>
    new PassThrough().setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  const input = stdin instanceof Readable ? stdin : Readable.from([Buffer.from(stdin)]);
  const stderr = Object.assign(collecting('stderr'), { isTTY });
  return { settings, stdin: input, stdout: collecting('stdout'), stderr, process, now, elapsed, output };
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What was said on standard error, but for the line that tells which file was worked on. */
export function withoutPlace(stderr: string): string {
  return stderr.replace(
    /^jot: (?:data|key) file \/[^\n]+; (?:no server was running|through the server, process \d+)\n/m,
    '',
  );
}

/** Runs a command in this process, in a world that is there already. @returns its exit code. */
export async function runIn(world: World, command: Command, args: readonly string[]): Promise<number> {
  return (await command.run(world, parseArguments(command, args))) ?? 0;
}

/** The text without its counts of rows of other collections: a collection that is added elsewhere breaks no test. */
export function withoutOthers(text: string): string {
  return text.replaceAll(/, \d+ (?!posts?\b|sessions?\b)[a-z]+(?=,| imported|;|\n)/g, '');
}

/** Runs a command in this process. Rejects with what it throws. */
export async function runCommand(
  command: Command,
  args: readonly string[],
  options?: WorldOptions,
): Promise<Outcome> {
  const world = createWorld(options);
  const code = await runIn(world, command, args);
  return { code, ...world.output };
}
