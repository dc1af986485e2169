// The world of a command: stands in for the process, with streams that collect their output, settings, and clocks that
// stand still until a test moves them.

import { PassThrough, Readable, type Writable } from 'node:stream';
import { type Command, parseArguments, type World } from '../../../src/commands/command.ts';
import { TIME } from '../disk/records.ts';

export interface WorldOptions {
  readonly settings?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array | Readable;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Milliseconds on a monotonic clock. */
  readonly elapsed?: () => number;
}

export interface TestWorld extends World {
  /** The output so far. */
  readonly output: { stdout: string; stderr: string };
}

export function createWorld({
  settings = {},
  stdin = '',
  now = () => TIME,
  elapsed = () => 0,
}: WorldOptions = {}): TestWorld {
  const output = { stdout: '', stderr: '' };
  const collecting = (name: keyof typeof output): Writable =>
    new PassThrough().setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  const [stdout, stderr] = [collecting('stdout'), collecting('stderr')];
  const writeOut = (bytes: Uint8Array) => {
    output.stdout += Buffer.from(bytes);
    return bytes.length;
  };
  const input = stdin instanceof Readable ? stdin : Readable.from([Buffer.from(stdin)]);
  return {
    settings,
    settingProblems: [],
    stdin: input,
    stdout,
    stderr,
    writeOut,
    process,
    now,
    elapsed,
    output,
  };
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Returns standard error without the line that names the file. */
export function withoutPlace(stderr: string): string {
  return stderr.replace(
    /^jot: (?:data|key) file \/[^\n]+; (?:no server was running|through the server, process \d+)\n/m,
    '',
  );
}

/** Runs a command in an existing world; resolves to its exit code. */
export async function runIn(world: World, command: Command, args: readonly string[]): Promise<number> {
  return (await command.run(world, parseArguments(command, args))) ?? 0;
}

/**
 * Returns the text without the row counts of other collections, so that a new collection breaks no
 * test.
 */
export function withoutOthers(text: string): string {
  return text.replaceAll(/, \d+ (?!posts?\b|sessions?\b)[a-z]+(?=,| imported|;|\n)/g, '');
}

/** Runs a command in this process; rejects if it throws. */
export async function runCommand(
  command: Command,
  args: readonly string[],
  options?: WorldOptions,
): Promise<Outcome> {
  const world = createWorld(options);
  const code = await runIn(world, command, args);
  return { code, ...world.output };
}
