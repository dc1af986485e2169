// The cost of each part of Jot: the same requests to servers that differ from the default in one
// setting. The TLS proxy shares Jot's core, so a real proxy is never slower; handshakes are not
// counted.

import { type Bench, load, prepare, type Scenario, type Subject } from '../bench.ts';
import { type ApiServer, startJot, startJotBehindTls } from '../servers.ts';
import { RATE } from '../statistics.ts';

const startWith = (settings: object) => (bench: Bench) => startJot(bench, settings);

const defaults = {
  get: { name: 'as it is', route: 'get', start: startWith({}) },
  list: { name: 'as it is (list)', route: 'list', start: startWith({}) },
} as const;

const variants = [
  { name: 'without access log: LOG=off', route: 'get', start: startWith({ LOG: 'off' }) },
  { name: 'with Server-Timing: EXPLAIN=on', route: 'get', start: startWith({ EXPLAIN: 'on' }) },
  { name: 'without limiter: RATE_LIMIT=off', route: 'get', start: startWith({ RATE_LIMIT: 'off' }) },
  { name: 'without cache: CACHE_TTL=off', route: 'list', start: startWith({ CACHE_TTL: 'off' }) },
  { name: 'answered with 304', route: 'list', start: startUnmodified },
  { name: 'behind a TLS proxy on the same core', route: 'get', start: startJotBehindTls },
] as const;

export const costs: Scenario = {
  name: 'costs',
  summary: 'the price of each setting, as a share of the default (only if named)',
  isOptional: true,
  async plan(bench) {
    const subjects: Subject[] = [];
    for (const { name, route, start } of [...Object.values(defaults), ...variants]) {
      bench.progress(`starting: ${name}`);
      const server = await start(bench);
      subjects.push(load(bench, name, server, server.targets[route]));
    }
    await prepare(bench, subjects);
    const rows = variants.map(({ name, route }) => {
      const what = route === 'get' ? 'GET a post' : 'list of 20 posts';
      return { ...RATE, what, measured: name, reference: defaults[route].name };
    });
    return { subjects, rows };
  },
};

// The client already has the list and revalidates it.
async function startUnmodified(bench: Bench): Promise<ApiServer> {
  const jot = await startJot(bench);
  const { list } = jot.targets;
  const response = await fetch(`http://127.0.0.1:${jot.port}${list.path}`, { headers: list.headers });
  await response.text();
  const headers = { ...list.headers, 'If-None-Match': response.headers.get('etag') ?? '' };
  return { ...jot, targets: { ...jot.targets, list: { ...list, headers, status: 304 } } };
}
