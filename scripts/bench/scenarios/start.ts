// How long a server takes from its start to its first answer, and what it weighs when it has nothing to do.

import { setTimeout as wait } from 'node:timers/promises';
import { alternate, newFolder, type Scenario } from '../bench.ts';
import { startBare, startJotServer } from '../contender.ts';
import type { ServerProcess } from '../process.ts';
import { atMost, type Series } from '../statistics.ts';

const IDLE_MS = 1_000;
const BYTES_PER_MIB = 2 ** 20;
// A start takes a tenth of a second, so there is time for more of them.
const STARTS_PER_ROUND = 7;

export const start: Scenario = {
  name: 'start',
  summary: 'start to first answer, and memory when idle',
  async run(bench) {
    // The same folder every time: a first start also makes a key and a file, once in a server's life.
    const folder = newFolder(bench, 'jot');
    const startJot = () => startJotServer(bench, { folder });
    await (await startJot()).stop();
    const servers = new Map<string, () => Promise<ServerProcess>>([
      ['bare node:http', () => startBare(bench, 200, null)],
      ['Jot', startJot],
    ]);
    const rounds = {
      ...bench,
      options: { ...bench.options, rounds: bench.options.rounds * STARTS_PER_ROUND },
    };
    const found = await alternate(rounds, servers, async (startOne) => {
      const server = await startOne();
      const cpuSeconds = server.cpuSeconds();
      await wait(IDLE_MS);
      const mebibytes = server.residentBytes() / BYTES_PER_MIB;
      await server.stop();
      return { ms: server.startMs, cpuMs: cpuSeconds === null ? [] : [cpuSeconds * 1000], mebibytes };
    });
    const [floor = '', jot = ''] = found.keys();
    const clock = (name: string): Series => {
      const starts = found.get(name) ?? [];
      const cpuValues = starts.flatMap(({ cpuMs }) => cpuMs);
      const values = starts.map(({ ms }) => ms);
      return cpuValues.length < values.length ? { name, values } : { name, values, cpuValues };
    };
    const memory = (name: string): Series => ({
      name,
      values: (found.get(name) ?? []).map(({ mebibytes }) => mebibytes),
    });
    return [
      {
        ...{ scenario: 'start', what: 'start to first answer', unit: 'ms' },
        ...{ measured: clock(jot), reference: clock(floor), mark: atMost(1.5) },
      },
      {
        ...{ scenario: 'start', what: 'idle memory', unit: 'MiB' },
        ...{ measured: memory(jot), reference: memory(floor), mark: atMost(1.3) },
      },
    ];
  },
};
