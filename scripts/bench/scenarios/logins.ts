// Signing in is slow on purpose, and all of its time should be scrypt's: what the server adds must not be seen beside it. And
// whoever signs in must not make the others wait: reads go on while sixteen clients do nothing else.

import { fileURLToPath } from 'node:url';
import { alternate, type Bench, type Scenario } from '../bench.ts';
import { jot, type Started } from '../contender.ts';
import { type Driven, drive, driveTarget, rates, rest, warmUp } from '../drive.ts';
import type { Load } from '../load.ts';
import { runProgram } from '../process.ts';
import { atLeast, atMost, type Series } from '../statistics.ts';

const CLIENTS = 16;
// As many passwords as Jot hashes at once by default: on a core of its own, and on more.
const HASHES_AT_ONCE_PINNED = 1;
const HASHES_AT_ONCE = 2;
// The rush is there before the reads are counted, and still there when they are.
const RUSH_SECONDS_MORE = 2;
const ALONE = 'scrypt alone';
const QUIET = 'quiet';
const RUSH = `while ${CLIENTS} log in`;
const scryptOnly = fileURLToPath(new URL('../processes/scrypt-only.mjs', import.meta.url));

export const logins: Scenario = {
  name: 'login',
  summary: 'logins',
  async run(bench) {
    const { seconds } = bench.options;
    const subjects = new Map([[ALONE, () => hashOnly(bench)]]);
    const started: Started[] = [];
    for (const contender of [jot, ...bench.peers]) {
      if (!contender.routes.includes('login')) continue;
      const each = await contender.start(bench);
      started.push(each);
      subjects.set(contender.name, () => drive(bench, each, 'login', { seconds, connections: CLIENTS }));
    }
    const found = await alternate(bench, subjects, (measure) => measure());
    for (const { server } of started) await server.stop();
    const references = [...found.keys()].filter((name) => name !== jot.name);
    return references.map((name) => ({
      scenario: 'login',
      what: 'logins',
      unit: '/s',
      measured: rates(jot.name, found.get(jot.name)),
      reference: rates(name, found.get(name)),
      mark: name === ALONE ? atLeast(0.95) : null,
    }));
  },
};

async function hashOnly({ cores, work, options }: Bench): Promise<Driven> {
  const hashes = cores === null ? HASHES_AT_ONCE : HASHES_AT_ONCE_PINNED;
  const args = [scryptOnly, String(hashes), String(options.seconds)];
  const found = Object(await runProgram({ core: cores?.server ?? null, args, cwd: work }));
  const { answers, perSecond, perCpuSecond } = found;
  return {
    answers: Number(answers),
    perSecond: Number(perSecond),
    perCpuSecond: Number(perCpuSecond),
    ...{ p50Ms: Number.NaN, p99Ms: Number.NaN, clientBusy: 0 },
  };
}

export const busy: Scenario = {
  name: 'busy',
  summary: `reads while ${CLIENTS} clients log in`,
  async run(bench) {
    const started = await jot.start(bench);
    await rest(bench);
    await warmUp(bench, started, 'get');
    const subjects = new Map([
      [QUIET, async () => driveTarget(bench, started, await started.target('get'), bench.options)],
      [RUSH, () => driveInRush(bench, started)],
    ]);
    const found = await alternate(bench, subjects, (measure) => measure());
    await started.server.stop();
    const series = (name: string, figure: 'perSecond' | 'p99Ms'): Series => ({
      name,
      values: (found.get(name) ?? []).map((load) => load[figure]),
    });
    const pair = (figure: 'perSecond' | 'p99Ms') => ({
      scenario: 'busy',
      measured: series(RUSH, figure),
      reference: series(QUIET, figure),
    });
    return [
      { ...pair('perSecond'), what: 'reads', unit: '/s', mark: atLeast(0.45) },
      { ...pair('p99Ms'), what: 'p99 of reads', unit: 'ms', mark: atMost(5) },
    ];
  },
};

async function driveInRush(bench: Bench, started: Started): Promise<Load> {
  const { seconds } = bench.options;
  // Signed in before the rush, or the first thing to wait would be the token for the reads.
  const reads = await started.target('get');
  const login = await started.target('login');
  const [found] = await Promise.all([
    driveTarget(bench, started, reads, { seconds }),
    driveTarget(bench, started, login, { seconds: seconds + RUSH_SECONDS_MORE, connections: CLIENTS }),
  ]);
  return found;
}
