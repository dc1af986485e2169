// Drives a server that was started, and tells what each answer cost it: on the clock, and in its own processor time.

import { setTimeout as wait } from 'node:timers/promises';
import type { Bench, Site } from './bench.ts';
import type { Route, Started } from './contender.ts';
import { type Load, load, type Target } from './load.ts';
import type { Series } from './statistics.ts';

export const CONNECTIONS = 64;
const REST_SECONDS = 12;
const WARM_UP_SECONDS = 2;
const WARM_UP_ANSWERS = 30_000;

export interface Driven extends Load {
  /** Null where the system does not tell. */
  readonly perCpuSecond: number | null;
}

export interface DriveOptions {
  readonly seconds: number;
  readonly connections?: number;
}

/** Signs in, and asks for the route over and over. */
export async function drive(
  site: Site,
  started: Started,
  route: Route,
  { seconds, connections = CONNECTIONS }: DriveOptions,
): Promise<Driven> {
  const target = await started.target(route);
  const before = started.server.cpuSeconds();
  const found = await driveTarget(site, started, target, { seconds, connections });
  const after = started.server.cpuSeconds();
  const isKnown = before !== null && after !== null && after > before;
  return { ...found, perCpuSecond: isKnown ? found.answers / (after - before) : null };
}

/**
 * Lets servers that were just started have nothing to do, as real ones do at times. V8 collects garbage then, and some of what it
 * knew of the program goes too: a server that was never idle can be faster than it will ever be again.
 */
export async function rest({ options: { seconds }, progress }: Bench): Promise<void> {
  progress('having nothing to do for a while');
  await wait(1000 * Math.min(REST_SECONDS, seconds));
}

/**
 * Until everything that is called often is compiled, which is a matter of calls: on a machine with other work to do they take
 * longer to come together.
 */
export async function warmUp(bench: Bench, started: Started, route: Route): Promise<void> {
  const seconds = Math.min(WARM_UP_SECONDS, bench.options.seconds);
  const triesMax = Math.ceil(bench.options.seconds);
  let answers = 0;
  for (let tries = 0; answers < WARM_UP_ANSWERS && tries < triesMax; tries++) {
    answers += (await drive(bench, started, route, { seconds })).answers;
  }
}

export function driveTarget(
  { cores, work }: Site,
  { server }: Started,
  target: Target,
  { seconds, connections = CONNECTIONS }: DriveOptions,
): Promise<Load> {
  return load({ port: server.port, target, connections, seconds, core: cores?.load ?? null, cwd: work });
}

/** Answers a second, round by round. */
export function rates(name: string, rounds: readonly Driven[] = []): Series {
  const values = rounds.map(({ perSecond }) => perSecond);
  const cpuValues = rounds.flatMap(({ perCpuSecond }) => perCpuSecond ?? []);
  return cpuValues.length < rounds.length ? { name, values } : { name, values, cpuValues };
}
