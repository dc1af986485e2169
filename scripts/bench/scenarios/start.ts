// The time from the start of a server to its first response, and its memory when idle.

import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Scenario } from '../bench.ts';
import { newFolder, processes, type Server, startServer } from '../process.ts';
import { PRODUCTION } from '../servers.ts';
import { TIME } from '../statistics.ts';

const IDLE_MS = 1_000;
// A start takes a tenth of a second, so there is time for more of them.
const STARTS_PER_ROUND = 7;

export const start: Scenario = {
  name: 'start',
  summary: 'start to first response, and memory when idle',
  async plan(bench) {
    const bare = [`${processes}bare-server.mjs`, '200', '{}'];
    // One folder for all starts, since the first start also creates a key and a data file.
    const jot = { env: PRODUCTION, folder: newFolder(bench) };
    const startJot = () => startServer(bench, [join(bench.dist, 'jot.cjs')], jot);
    await (await startJot()).stop();
    const measure = async (start: () => Promise<Server>) => {
      const server = await start();
      const cpuMs = server.cpuSeconds() * 1000;
      await wait(IDLE_MS);
      const mebibytes = server.residentMebibytes();
      await server.stop();
      return { ms: server.startMs, cpuMs, mebibytes };
    };
    const row = { measured: 'Jot', reference: 'bare node:http' };
    return {
      subjects: [
        { name: 'bare node:http', measure: () => measure(() => startServer(bench, bare)) },
        { name: 'Jot', measure: () => measure(startJot) },
      ],
      rounds: bench.options.rounds * STARTS_PER_ROUND,
      rows: [
        { ...row, ...TIME, what: 'start to first response', mark: '≤ 1.50' },
        { ...row, what: 'idle memory', unit: 'MiB', figure: 'mebibytes', mark: '≤ 1.30' },
      ],
    };
  },
};
