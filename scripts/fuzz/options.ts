// The command line of `npm run fuzz`.

import { parseArgs } from 'node:util';

export const USAGE = `Usage: npm run fuzz -- [option ...]

Sends valid, invalid and strange requests, made from /openapi.json, to a server of its own, and checks every answer
against what that document says. A fault is shown with the commands that repeat it; the exit code is 1 then.

  --seed <number>      the same seed makes the same requests (default: a new one)
  --requests <number>  how many requests at most (default: 5000)
  --seconds <number>   how long at most (default: 60)
  --help               show this
`;

export interface Options {
  readonly seed: number;
  readonly requests: number;
  readonly seconds: number;
}

const SEED_MAX = 2 ** 31 - 1;
const REQUESTS_MAX = 10_000_000;
const SECONDS_MAX = 86_400;

/** What is wrong with the command line, for its user. */
export class UsageError extends Error {}

/**
 * Null when only help is asked for.
 *
 * @throws UsageError
 */
export function parseOptions(args: readonly string[]): Options | null {
  const values = parse(args);
  if (values.help === true) return null;
  return {
    seed: number('seed', values.seed, 0, SEED_MAX) ?? Math.floor(Math.random() * SEED_MAX),
    requests: number('requests', values.requests, 1, REQUESTS_MAX) ?? 5_000,
    seconds: number('seconds', values.seconds, 1, SECONDS_MAX) ?? 60,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    const options = { seed: text, requests: text, seconds: text, help: { type: 'boolean' } } as const;
    return parseArgs({ args: withNegatives(args), options }).values;
  } catch (error) {
    // What follows the first sentence is advice about arguments that are no options, of which there are none.
    throw new UsageError(error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error));
  }
}

// `--requests -3` is a wrong number, and not an option called 3.
function withNegatives(args: readonly string[]): string[] {
  return args.reduce<string[]>((joined, arg) => {
    const option = joined.at(-1) ?? '';
    if (/^-\d/.test(arg) && /^--\w+$/.test(option)) joined.splice(-1, 1, `${option}=${arg}`);
    else joined.push(arg);
    return joined;
  }, []);
}

function number(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const isNumber = /^\d{1,10}$/.test(text) && Number(text) >= min && Number(text) <= max;
  if (!isNumber)
    throw new UsageError(
      `--${name} is ${JSON.stringify(text)}; expected a whole number from ${min} to ${max}`,
    );
  return Number(text);
}
