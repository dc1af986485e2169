// What it costs to switch each part of Jot on or off: the same requests, on servers that differ from the default in one
// setting. Below 1: slower than the default.
//
// TLS is left to a proxy in front. The one here is of Node, and on Jot's own core, so it is no quicker than any other; handshakes
// are not counted.

import { alternate, type Scenario } from '../bench.ts';
import { type Route, type Started, startJot, startJotBehindTls } from '../contender.ts';
import { drive, rates, rest, warmUp } from '../drive.ts';
import type { Target } from '../load.ts';
import type { Comparison } from '../statistics.ts';

interface Variant {
  readonly name: string;
  readonly route: Route;
  readonly settings: Readonly<Record<string, string>>;
}

const DEFAULTS: readonly Variant[] = [
  { name: 'as it is', route: 'get', settings: {} },
  { name: 'as it is (list)', route: 'list', settings: {} },
];

const VARIANTS: readonly Variant[] = [
  { name: 'without access log: LOG=off', route: 'get', settings: { LOG: 'off' } },
  { name: 'with Server-Timing: EXPLAIN=on', route: 'get', settings: { EXPLAIN: 'on' } },
  { name: 'without limiter: RATE_LIMIT=off', route: 'get', settings: { RATE_LIMIT: 'off' } },
  { name: 'without cache: CACHE_TTL=off', route: 'list', settings: { CACHE_TTL: 'off' } },
];

const CONDITIONAL: Variant = { name: 'answered with 304', route: 'list', settings: {} };
const BEHIND_TLS: Variant = { name: 'behind a TLS proxy on the same core', route: 'get', settings: {} };

export const costs: Scenario = {
  name: 'costs',
  summary: 'what each setting costs, as a share of the default (only when asked for)',
  async run(bench) {
    const subjects = new Map<string, { route: Route; started: Started }>();
    for (const { name, route, settings } of [...DEFAULTS, ...VARIANTS]) {
      bench.progress(`starting: ${name}`);
      subjects.set(name, { route, started: await startJot(bench, { settings }) });
    }
    subjects.set(CONDITIONAL.name, { ...CONDITIONAL, started: conditional(await startJot(bench)) });
    subjects.set(BEHIND_TLS.name, { ...BEHIND_TLS, started: await startJotBehindTls(bench) });
    await rest(bench);
    for (const { route, started } of subjects.values()) await warmUp(bench, started, route);
    const { seconds } = bench.options;
    const found = await alternate(bench, subjects, ({ route, started }) =>
      drive(bench, started, route, { seconds }),
    );
    for (const { started } of subjects.values()) await started.server.stop();
    return [...VARIANTS, CONDITIONAL, BEHIND_TLS].map(({ name, route }): Comparison => {
      const reference = DEFAULTS.find((each) => each.route === route)?.name ?? '';
      return {
        scenario: 'costs',
        what: route === 'get' ? 'GET a post' : 'list of 20 posts',
        unit: '/s',
        measured: rates(name, found.get(name)),
        reference: rates(reference, found.get(reference)),
        mark: null,
      };
    });
  },
};

// A client that has the answer already, and asks whether it is still the same.
function conditional({ server, target }: Started): Started {
  return {
    server,
    async target(route) {
      const full = await target(route);
      const tag = await tagOf(server.port, full);
      return { ...full, headers: { ...full.headers, 'If-None-Match': tag }, status: 304 };
    },
  };
}

async function tagOf(port: number, { path, headers }: Target): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  await response.arrayBuffer();
  const tag = response.headers.get('etag');
  if (tag === null) throw new Error(`${path} has no tag`);
  return tag;
}
