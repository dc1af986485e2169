// How many requests a second: each route at 64 connections, against a bare server that answers with the same bytes and does
// nothing for them, and against the peers.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerOf } from '../account.ts';
import { alternate, type Bench, type Scenario } from '../bench.ts';
import { jot, type Route, type Started, startBare } from '../contender.ts';
import { type Driven, drive, rates, rest, warmUp } from '../drive.ts';
import { atLeast, type Comparison, type Mark } from '../statistics.ts';

const BARE = 'bare node:http';

type Marks = Readonly<Record<string, Mark>>;

export const rateScenarios: readonly Scenario[] = [
  rateScenario('get', 'GET a post', { [BARE]: atLeast(0.75), Fastify: atLeast(2) }),
  rateScenario('list', 'list of 20 posts', { [BARE]: atLeast(0.7) }),
  rateScenario('create', 'durable POST', {
    [BARE]: atLeast(0.35),
    Fastify: atLeast(1.5),
    'Fastify, better-sqlite3': atLeast(10),
  }),
];

function rateScenario(route: Route, summary: string, marks: Marks): Scenario {
  return {
    name: route,
    summary,
    async run(bench) {
      const subjects = await startAll(bench, route);
      await rest(bench);
      for (const [name, subject] of subjects) {
        bench.progress(`warming up: ${name}`);
        await warmUp(bench, subject, route);
      }
      const { seconds } = bench.options;
      const found = await alternate(bench, subjects, (subject) => drive(bench, subject, route, { seconds }));
      for (const { server } of subjects.values()) await server.stop();
      return compare(route, summary, marks, found);
    },
  };
}

async function startAll(bench: Bench, route: Route): Promise<Map<string, Started>> {
  const started = await jot.start(bench);
  const subjects = new Map([
    [BARE, await startBareLike(bench, route, started)],
    [jot.name, started],
  ]);
  for (const peer of bench.peers) {
    if (!peer.routes.includes(route)) continue;
    bench.progress(`starting ${peer.name}`);
    subjects.set(peer.name, await peer.start(bench));
  }
  return subjects;
}

// What it answers with is Jot's own answer, byte for byte.
async function startBareLike(bench: Bench, route: Route, like: Started): Promise<Started> {
  const target = await like.target(route);
  const bodyPath = join(bench.work, `${route}-answer.json`);
  writeFileSync(bodyPath, await answerOf(like.server.port, target));
  return { server: await startBare(bench, target.status, bodyPath), target: async () => target };
}

function compare(scenario: string, what: string, marks: Marks, found: Map<string, Driven[]>): Comparison[] {
  const references = [...found.keys()].filter((name) => name !== jot.name);
  return references.map((name) => ({
    scenario,
    what,
    unit: '/s',
    measured: rates(jot.name, found.get(jot.name)),
    reference: rates(name, found.get(name)),
    mark: marks[name] ?? null,
  }));
}
