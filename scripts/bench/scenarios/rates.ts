// Requests per second of each route, compared with the peers and with a bare server that sends the
// same bytes without doing any work. A login should take no time besides scrypt, so logins are
// compared with scrypt alone. Logins must also not delay other requests.

import { type Bench, load, prepare, type Scenario, type Subject } from '../bench.ts';
import { processes, runProgram, startServer } from '../process.ts';
import { type ApiServer, type Route, send, startJot } from '../servers.ts';
import { type Mark, RATE } from '../statistics.ts';

const JOT = 'Jot';
const BARE = 'bare node:http';
const SQLITE = 'Fastify, better-sqlite3';
const ALONE = 'scrypt alone';
const BUSY = 'while 16 log in';
// The logins outlast the reads.
const LOGIN_SECONDS_MORE = 2;

export const rates: readonly Scenario[] = [
  rateScenario('get', 'GET a post', { [BARE]: '≥ 0.75', Fastify: '≥ 2.00' }),
  rateScenario('list', 'list of 20 posts', { [BARE]: '≥ 0.70' }),
  rateScenario('create', 'durable POST', { [BARE]: '≥ 0.35', Fastify: '≥ 1.50', [SQLITE]: '≥ 10.00' }),
  rateScenario('login', 'logins', { [ALONE]: '≥ 0.95' }),
];

export const busy: Scenario = {
  name: 'busy',
  summary: 'reads while 16 clients log in',
  async plan(bench) {
    const server = await startJot(bench);
    const reads = load(bench, 'quiet', server, server.targets.get);
    const logins = load(bench, BUSY, server, server.targets.login);
    await prepare(bench, [reads]);
    const measure = async (seconds: number) => {
      const rush = logins.measure(seconds + LOGIN_SECONDS_MORE);
      const [sample] = await Promise.all([reads.measure(seconds), rush]);
      return sample;
    };
    const row = { measured: BUSY, reference: 'quiet' };
    return {
      subjects: [reads, { name: BUSY, measure }],
      rows: [
        { ...row, what: 'reads', unit: '/s', figure: 'perSecond', mark: '≥ 0.40' },
        { ...row, what: 'p99 of reads', unit: 'ms', figure: 'p99Ms', mark: '≤ 5.00' },
      ],
    };
  },
};

function rateScenario(route: Route, what: string, marks: Readonly<Record<string, Mark>>): Scenario {
  return {
    name: route,
    summary: what,
    async plan(bench) {
      const jot = await startJot(bench);
      const subjects = [await floorOf(bench, route, jot), load(bench, JOT, jot, jot.targets[route])];
      for (const { name, start } of bench.peers.filter(({ routes }) => routes.includes(route))) {
        bench.progress(`starting ${name}`);
        const peer = await start(bench);
        subjects.push(load(bench, name, peer, peer.targets[route]));
      }
      if (route !== 'login') await prepare(bench, subjects);
      const references = subjects.map(({ name }) => name).filter((name) => name !== JOT);
      const row = { ...RATE, what, measured: JOT };
      const rows = references.map((reference) => ({ ...row, reference, mark: marks[reference] }));
      return { subjects, rows };
    },
  };
}

async function floorOf(bench: Bench, route: Route, jot: ApiServer): Promise<Subject> {
  if (route === 'login') {
    // As many passwords as Jot hashes at a time by default.
    const hashes = bench.cores === null ? '2' : '1';
    const measure = (seconds: number) =>
      runProgram(bench, 'server', ['scrypt-only.mjs', hashes, String(seconds)]);
    return { name: ALONE, measure };
  }
  const target = jot.targets[route];
  const args = [`${processes}bare-server.mjs`, String(target.status), await send(jot, target)];
  return load(bench, BARE, await startServer(bench, args), target);
}
