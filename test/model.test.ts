// A long random run of requests against a server and against a plain model of it. Whatever is answered by one has to be
// answered by the other; and for a store in a file the same again after it was compacted, closed and opened.

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { describe, it } from 'node:test';
import { askHolder } from '../src/control/lock.ts';
import { filePath } from '../src/store/open.ts';
import { type Cleanup, temporaryFolder } from './support/disk/temporary-folder.ts';
import { compare } from './support/model/compare-answers.ts';
import { PlainApi } from './support/model/plain-api.ts';
import type { Asked } from './support/model/plain-checks.ts';
import { PlainState } from './support/model/plain-state.ts';
import { seededRandom } from './support/model/random.ts';
import { nameKey, RandomRequests } from './support/model/random-requests.ts';
import { type Answer, START_MS, send, startServer, type TestServer } from './support/server/server.ts';

const STEPS = 3_000;
const RESTARTS = 8;
const STEPS_PER_COMPACTION = 50;
const SECRET = 'the same after every restart: 32 bytes';

interface Run {
  readonly name: string;
  readonly url: (t: Cleanup) => string;
  readonly seed: number;
  readonly restarts: number;
}

const runs: readonly Run[] = [
  { name: 'memory:', url: () => 'memory:', seed: 20_261_123, restarts: 0 },
  { name: 'file:', url: (t) => `file:${temporaryFolder(t)}/jot.jsonl`, seed: 7_519, restarts: RESTARTS },
];

describe('the server and a plain model of it agree', () => {
  for (const { name, url, seed, restarts } of runs) {
    it(`on ${STEPS} random requests, with ${name} and ${restarts} restarts (seed ${seed})`, async (t) => {
      const clock = { ms: START_MS };
      const random = seededRandom(seed);
      const state = new PlainState(() => clock.ms, nameKey);
      const model = new PlainApi(state);
      const requests = new RandomRequests(random, state);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      t.after(() => agent.destroy());
      const databaseUrl = url(t);
      const path = filePath(databaseUrl);
      const settings = { DATABASE_URL: databaseUrl, JWT_SECRET_KEY: SECRET };
      const open = () => startServer(t, settings, { now: () => clock.ms });
      const statuses = new Map<number, number>();
      let server: TestServer = await open();
      // Begun as another process would, and not waited for by the next requests.
      let compaction: Promise<string | null> = Promise.resolve('{}');

      for (let step = 1; step <= STEPS; step++) {
        if (path !== null && step % STEPS_PER_COMPACTION === 0) compaction = askHolder(path, 'compact');
        if (restarts > 0 && step % Math.floor(STEPS / (restarts + 1)) === 0) {
          assert.notEqual(await compaction, null);
          await server.close();
          server = await open();
        }
        clock.ms += passingMs(random);
        const asked = requests.next();
        const expected = model.answer(asked);
        const actual = await send(server.port, asked.method, asked.path, { ...asked, agent });
        statuses.set(actual.status, (statuses.get(actual.status) ?? 0) + 1);
        explain(seed, step, asked, () => compare(state, asked, expected, actual));
      }

      assert.notEqual(await compaction, null);
      // A run in which nothing was ever refused, or little was left, would show little.
      for (const status of [200, 201, 204, 304, 400, 401, 403, 404, 405, 409, 412, 415]) {
        assert.ok((statuses.get(status) ?? 0) >= 10, `${status}: ${statuses.get(status)} times`);
      }
      assert.ok(state.posts.size >= 10 && state.users.size >= 3, `${state.users.size}, ${state.posts.size}`);
    });
  }
});

// The comparison itself: what differs in any way from what the model says is found.
describe('compare', () => {
  const asked: Asked = { method: 'GET', path: '/users', headers: {} };
  const answer = (more: Partial<Answer> = {}, headers: Answer['headers'] = {}): Answer => {
    const json = [{ id: 1, username: 'matt' }];
    return { status: 200, headers: { etag: '"a"', ...headers }, json, text: JSON.stringify(json), ...more };
  };
  const judge = (actual: Answer) => {
    const state = new PlainState(() => START_MS, nameKey);
    state.contents.set('"another"', 'another content');
    const expected = { status: 200, json: [{ id: 1, username: 'matt' }], content: 'this' };
    compare(state, asked, expected, actual);
  };

  it('takes what is the same', () => judge(answer()));

  const rows: readonly [reason: string, actual: Answer][] = [
    ['another status', answer({ status: 201 })],
    ['another value', answer({ json: [{ id: 2, username: 'matt' }] })],
    ['a field too many', answer({ json: [{ id: 1, username: 'matt', password_hash: 'x' }] })],
    ['a row too few', answer({ json: [] })],
    ['a next page that is none', answer({}, { link: '</users?limit=1&after=1>; rel="next"' })],
    ['a location', answer({}, { location: '/users/1' })],
    ['a tag that stood for something else', answer({}, { etag: '"another"' })],
    ['a weak tag', answer({}, { etag: 'W/"a"' })],
  ];
  for (const [reason, actual] of rows) {
    it(`finds ${reason}`, () => assert.throws(() => judge(actual), { name: 'AssertionError' }));
  }
});

// Mostly a moment; now and then long enough for a spent refresh token to be suspicious, or for access tokens to expire.
function passingMs(random: () => number): number {
  const kind = random();
  if (kind < 0.005) return 600_000;
  if (kind < 0.05) return 11_000;
  return Math.floor(random() * 1_500);
}

function explain(seed: number, step: number, asked: Asked, check: () => void): void {
  try {
    check();
  } catch (error) {
    const shown = JSON.stringify(asked).slice(0, 2_000);
    throw new Error(`seed ${seed}, step ${step}: ${shown}`, { cause: error });
  }
}
