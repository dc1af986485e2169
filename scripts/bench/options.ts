// The command lines of `npm run bench` and `npm run profile`. A mistake in it is told in a sentence before anything is started: nobody should
// find out after ten minutes that `--round 5` measured something else.

import { parseArgs } from 'node:util';

export interface Options {
  readonly help: boolean;
  /** Names of scenarios; empty: all that are on by default. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  /** How many posts the large store has. */
  readonly posts: number;
  readonly peers: boolean;
  /** Where the figures go as JSON; null: nowhere. */
  readonly json: string | null;
}

/** What is wrong with the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const FULL = { rounds: 3, seconds: 10, posts: 1_000_000 };
const QUICK = { rounds: 1, seconds: 0.5, posts: 20_000 };
// A page in the middle and the posts that are read again and again have to exist.
const POSTS_MIN = 1_000;

const shape = {
  help: { type: 'boolean', short: 'h' },
  quick: { type: 'boolean' },
  peers: { type: 'boolean' },
  only: { type: 'string', multiple: true },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  posts: { type: 'string' },
  json: { type: 'string' },
} as const;

/** @throws UsageError for anything that is not an option, not a number where one is wanted, or no scenario. */
export function parseOptions(args: readonly string[], scenarios: readonly string[]): Options {
  const { values } = explained(() => parseArgs({ args: [...args], options: shape }));
  const { help, quick, peers, only, rounds, seconds, posts, json } = values;
  const names = (only ?? []).flatMap((list) => list.split(','));
  const unknown = names.find((name) => !scenarios.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`There is no scenario "${unknown}"; there are ${scenarios.join(', ')}`);
  }
  const usual = quick === true ? QUICK : FULL;
  return {
    help: help === true,
    only: names,
    rounds: whole('rounds', rounds, usual.rounds, 1),
    seconds: positive('seconds', seconds, usual.seconds),
    posts: whole('posts', posts, usual.posts, POSTS_MIN),
    peers: peers === true,
    json: json ?? null,
  };
}

export interface ProfileOptions {
  readonly help: boolean;
  readonly scenario: string;
  readonly seconds: number;
}

/** @throws UsageError for anything but one of the scenarios and a number of seconds. */
export function parseProfileOptions(args: readonly string[], scenarios: readonly string[]): ProfileOptions {
  const { values, positionals } = explained(() =>
    parseArgs({
      args: [...args],
      options: { help: shape.help, seconds: shape.seconds },
      allowPositionals: true,
    }),
  );
  const [scenario = '', surplus] = positionals;
  if (surplus !== undefined) throw new UsageError(`One scenario at a time, and not also "${surplus}"`);
  if (values.help !== true && !scenarios.includes(scenario)) {
    throw new UsageError(`There is no scenario "${scenario}"; there are ${scenarios.join(', ')}`);
  }
  return { help: values.help === true, scenario, seconds: positive('seconds', values.seconds, FULL.seconds) };
}

function explained<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    // The first sentence says what is wrong; what follows is advice about positionals, of which there are none.
    throw new UsageError(error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error));
  }
}

function whole(name: string, text: string | undefined, usual: number, min: number): number {
  const value = text === undefined ? usual : Number(text);
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw new UsageError(`--${name} is "${text}"; expected a whole number of ${min} or more`);
}

function positive(name: string, text: string | undefined, usual: number): number {
  const value = text === undefined ? usual : Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--${name} is "${text}"; expected a number of more than 0`);
}
