// Runs the rounds of a scenario. The obvious way measures one subject after the other, but a busy
// machine then slows down whichever subject is running at that moment. So all subjects are started
// first, and then measured alternately, round after round.

import { setTimeout as wait } from 'node:timers/promises';
import type { Options } from './options.ts';
import { runProgram, type Server, type Site } from './process.ts';
import type { Peer, Target } from './servers.ts';
import { type Comparison, compare, type Row, type Sample } from './statistics.ts';

const REST_SECONDS = 12;
const WARM_UP_SECONDS = 2;
const WARM_UP_RESPONSES = 30_000;
const CLIENT_BUSY_MAX = 0.97;

export interface Bench extends Site {
  readonly options: Options;
  readonly peers: readonly Peer[];
  progress(text: string): void;
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  /** Whether the scenario runs only if named with `--only`. */
  readonly isOptional?: boolean;
  plan(bench: Bench): Promise<Plan>;
}

export interface Plan {
  readonly subjects: readonly Subject[];
  readonly rows: readonly Row[];
  readonly rounds?: number;
}

export interface Subject {
  readonly name: string;
  measure(seconds: number): Promise<Sample>;
}

export async function runScenario(bench: Bench, { plan }: Scenario): Promise<Comparison[]> {
  const { subjects, rows, rounds = bench.options.rounds } = await plan(bench);
  const samples = new Map(subjects.map(({ name }): [string, Sample[]] => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const { name, measure } of subjects) {
      bench.progress(`round ${round} of ${rounds}: ${name}`);
      samples.get(name)?.push(await measure(bench.options.seconds));
    }
  }
  return rows.map((row) => compare(samples, row));
}

// A real server is idle at times, and V8 then collects garbage and drops some type feedback. So a
// server that was never idle can be faster than it will ever be in use. Compilation depends on the
// number of calls, so the warm-up counts responses.
export async function prepare(bench: Bench, subjects: readonly Subject[]): Promise<void> {
  const { seconds } = bench.options;
  bench.progress('letting the servers rest');
  await wait(1000 * Math.min(REST_SECONDS, seconds));
  for (const { name, measure } of subjects) {
    bench.progress(`warming up: ${name}`);
    let count = 0;
    for (let tries = 0; count < WARM_UP_RESPONSES && tries < seconds; tries++) {
      const { responses = 0 } = await measure(Math.min(WARM_UP_SECONDS, seconds));
      count += responses;
    }
  }
}

/** A server and the request that the load client repeats. */
export function load(bench: Bench, name: string, server: Server, target: Target): Subject {
  const { port, tls } = server;
  return {
    name,
    async measure(seconds) {
      const cpuSecondsBefore = server.cpuSeconds();
      const task = JSON.stringify({ port, tls, target, seconds });
      const sample = await runProgram(bench, 'load', ['load-client.mjs', task]);
      const { responses = 0, clientBusy = 0 } = sample;
      if (clientBusy > CLIENT_BUSY_MAX) bench.progress(`${name} can do more than the load client asks for\n`);
      return { ...sample, perCpuSecond: responses / (server.cpuSeconds() - cpuSecondsBefore) };
    },
  };
}
