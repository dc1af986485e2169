// Drives a server that was started, and tells what each answer cost it: on the clock, and in its own processor time.

import type { Bench, Site } from './bench.ts';
import type { Route, Started } from './contender.ts';
import { type Load, load, type Target } from './load.ts';
import type { Series } from './statistics.ts';

export const CONNECTIONS = 64;
const WARM_UP_SECONDS_MAX = 2;

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

/** What is compiled on the way is no part of a rate. */
export async function warmUp(
  bench: Bench,
  started: Started,
  route: Route,
  connections = CONNECTIONS,
): Promise<void> {
  const seconds = Math.min(WARM_UP_SECONDS_MAX, bench.options.seconds);
  await drive(bench, started, route, { seconds, connections });
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
