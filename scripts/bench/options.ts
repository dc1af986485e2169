// The command line. A typo must not measure the wrong thing for ten minutes, so every option is
// checked before anything is started.

import { parseArgs } from 'node:util';
import { type Route, routes } from './servers.ts';

export type Options = ReturnType<typeof parseOptions>;

const FULL = { rounds: 3, seconds: 10, posts: 1_000_000 };
const QUICK = { rounds: 1, seconds: 0.5, posts: 20_000 };

/** @throws Error for an unknown option or scenario, or an invalid number. */
export function parseOptions(args: string[], scenarios: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const;
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args,
    options: {
      only: { ...text, multiple: true },
      quick: flag,
      rounds: text,
      seconds: text,
      posts: text,
      peers: flag,
      json: text,
      profile: text,
      help: { ...flag, short: 'h' },
    },
  });
  const { only = [], profile, ...rest } = values;
  const usual = values.quick ? QUICK : FULL;
  const number = (name: keyof typeof FULL, min: number) => {
    const value = Number(values[name] ?? usual[name]);
    if (Number.isFinite(value) && value >= min) return value;
    throw new Error(`Cannot use --${name}: expected a number of at least ${min}; got "${values[name]}"`);
  };
  return {
    ...rest,
    only: only.flatMap((list) => list.split(',')).map((name) => oneOf(scenarios, name)),
    rounds: number('rounds', 1),
    seconds: number('seconds', 0.01),
    // The page and the rows that are read repeatedly must exist.
    posts: number('posts', 1_000),
    profile: profile === undefined ? undefined : oneOf<Route>(routes, profile),
  };
}

function oneOf<Name extends string>(names: readonly Name[], name: string): Name {
  const found = names.find((each) => each === name);
  if (found !== undefined) return found;
  throw new Error(`Cannot run "${name}": expected one of ${names.join(', ')}`);
}
