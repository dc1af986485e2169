// More than can be served: what is too much is refused at once, what is cheap goes on meanwhile, and whatever is
// remembered about callers has a bound that no number of callers moves.

import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { describe, it } from 'node:test';
import { TtlCache } from '../../src/cache/ttl-cache.ts';
import { DEFAULT_TIMEOUTS } from '../../src/http/server.ts';
import { JotError } from '../../src/lib/errors.ts';
import { Limiter } from '../../src/limit/limiter.ts';
import { LoginGuard } from '../../src/limit/login-guard.ts';
import { TokenBucket } from '../../src/limit/token-bucket.ts';
import type { Cleanup } from '../support/disk/temporary-folder.ts';
import { assertFailure } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { bytesInUse, heapOf } from '../support/server/resources.ts';
import { START_MS, startServer, type TestServer } from '../support/server/server.ts';

const QUEUE_MAX = 64;
const LOGINS = 200;
const KEYS_MAX = 100_000;
const CALLERS = 1.2 * KEYS_MAX;
// Some 160 is what an entry takes, and the heap is never quite the same.
const ENTRY_BYTES_MAX = 400;
const HEAP_BYTES_NOISE = 2_000_000;

/** The numbers in /metrics by name. */
async function gauges({ call }: TestServer): Promise<Record<string, number>> {
  const { text } = await call('GET', '/metrics');
  const lines = text.split('\n').filter((line) => /^\w+(\{\S+\})? [\d.e+]+$/.test(line));
  return Object.fromEntries(
    lines.map((line) => line.split(' ')).map(([name, value]) => [name, Number(value)]),
  );
}

describe('200 logins at once', () => {
  it('logins: what does not fit in the queue gets 503 with Retry-After at once; reads and writes go on', async (t) => {
    // On a machine that is busy otherwise, the wait must not be too long either.
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const patient = { timeouts: { stallMs: 3_600_000 } };
    const server = await startServer(t, { PASSWORD_COST: 'ln=14,r=8,p=1', HASH_CONCURRENCY: '3' }, patient);
    const matt = await createPerson(server, 'matt');
    const post = await matt.post();
    const order: string[] = [];
    const logins = Array.from({ length: LOGINS }, async () => {
      const answer = await server.call('POST', '/auth', { json: { username: 'matt', password: 'secret' } });
      order.push(`login ${answer.status}`);
      return answer;
    });
    // Each look is a request of its own, and is answered however many logins wait.
    for (let inside = 0; order.length + inside < LOGINS; ) {
      const { jot_hashes_running: running = 0, jot_hashes_queued: queued = 0 } = await gauges(server);
      assert.ok(running <= 3 && queued <= QUEUE_MAX, `${running} running, ${queued} queued`);
      inside = running + queued;
    }
    const meanwhile = [
      await server.call('GET', '/healthz'),
      await server.call('GET', '/readyz'),
      await server.call('GET', '/users'),
      await matt.call('GET', post),
      await matt.call('PATCH', post, { json: { body: 'Changed' } }),
    ];
    order.push('the others');
    for (const { status } of meanwhile) assert.equal(status, 200);
    assert.ok(order.length < LOGINS, 'answered while logins were waiting');

    const answers = await Promise.all(logins);
    assert.equal(order.at(-1), 'login 200');
    const shed = answers.filter(({ status }) => status === 503);
    assert.equal(answers.filter(({ status }) => status === 200).length + shed.length, LOGINS);
    assert.ok(shed.length > 0 && shed.length <= LOGINS - QUEUE_MAX, `${shed.length} were shed`);
    for (const answer of shed) {
      assertFailure(answer, 503, 'Service Unavailable', 'Too many passwords are being checked right now');
      assert.equal(answer.headers['retry-after'], '1');
    }
    assert.equal(order.lastIndexOf('login 503') < order.indexOf('the others'), true);
    const { jot_hashes_running, jot_hashes_queued } = await gauges(server);
    assert.deepEqual([jot_hashes_running, jot_hashes_queued], [0, 0]);
  });
});

describe('Logins from many addresses', () => {
  it('twenty addresses, and a site of IPv6: their flood of wrong logins keeps no other address out', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const settings = { PASSWORD_COST: 'ln=12,r=8,p=1', HASH_CONCURRENCY: '1', TRUST_PROXY: '127.0.0.1' };
    const server = await startServer(t, settings, { timeouts: { stallMs: 3_600_000 } });
    await server.signUp('matt');
    const loginFrom = async (address: string, password: string) => {
      const headers = { 'X-Forwarded-For': address };
      return (await server.call('POST', '/auth', { json: { username: 'matt', password }, headers })).status;
    };
    const flood = new Set<number>();
    let isOver = false;
    const attackers = Array.from({ length: 200 }, async (_, index) => {
      const address = index < 100 ? `192.0.2.${index % 20}` : `2001:db8:0:${index}::1`;
      while (!isOver) flood.add(await loginFrom(address, 'wrong'));
    });
    while (((await gauges(server)).jot_hashes_queued ?? 0) < QUEUE_MAX);
    const others = Array.from({ length: 12 }, (_, index) => loginFrom(`198.51.100.${index}`, 'secret'));
    const statuses = await Promise.all(others);
    isOver = true;
    await Promise.all(attackers);
    assert.deepEqual(statuses, Array(12).fill(200));
    assert.deepEqual(flood, new Set([503, 401]));
  });
});

describe('Unicode', () => {
  // Putting so many accents into their order takes the square of their number.
  const accents = (count: number) => `a${'\u0300'.repeat(count / 2)}${'\u0316'.repeat(count / 2)}`;

  it('normalization: is done to nothing that is longer than any name or password', async (t) => {
    const spy = t.mock.method(String.prototype, 'normalize');
    const longest = () => Math.max(0, ...spy.mock.calls.map((call) => String(call.this).length));
    const { call } = await startServer(t);
    const long = accents(20_000);
    const requests = [
      ['/auth', { username: long, password: 'secret' }, 401],
      ['/auth', { username: 'matt', password: long }, 401],
      ['/users', { username: long, password: 'secret' }, 400],
      ['/signup', { username: 'matt', password: long }, 400],
    ] as const;
    for (const [path, json, status] of requests) {
      assert.equal((await call('POST', path, { json })).status, status, path);
    }
    assert.ok(longest() < 1_000);
    accents(20_000).slice(0, 2_000).normalize();
    assert.equal(longest(), 2_000, 'it would be seen');
  });

  it('however spelled: the longest name and the longest password are taken', async (t) => {
    const { call } = await startServer(t);
    const username = 'ᾂ'.repeat(64);
    const password = 'ǖ'.repeat(512);
    const spelled = { username: username.normalize('NFD'), password: password.normalize('NFD') };
    assert.deepEqual([spelled.username.length, spelled.password.length], [256, 1_536]);
    const made = await call('POST', '/users', { json: spelled });
    assert.deepEqual([made.status, made.json.username], [201, username]);
    assert.equal((await call('POST', '/auth', { json: { username, password } })).status, 200);
    assert.equal((await call('POST', '/auth', { json: spelled })).status, 200);
  });
});

describe('A queue that is short but slow', () => {
  it('a wait: for a turn ends with 503 after fifteen seconds, before the connection is cut', async (t) => {
    assert.ok(DEFAULT_TIMEOUTS.stallMs > 15_001);
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const server = await startServer(t, { PASSWORD_COST: 'ln=14,r=8,p=5', HASH_CONCURRENCY: '1' });
    const json = { username: 'matt', password: 'wrong' };
    const logins = Array.from({ length: 20 }, () => server.call('POST', '/auth', { json }));
    while ((await gauges(server)).jot_hashes_queued === 0);
    t.mock.timers.tick(15_000);
    const answers = await Promise.all(logins);
    const shed = answers.filter(({ status }) => status === 503);
    assert.equal(answers.filter(({ status }) => status === 401).length + shed.length, 20);
    assert.ok(shed.length > 0, 'some were waiting');
    for (const { headers } of shed) assert.equal(headers['retry-after'], '1');
    assert.equal((await server.call('POST', '/auth', { json })).status, 401);
  });
});

/** A login that fails. @returns whether it was let that far. */
function guess(guard: LoginGuard, username: string): boolean {
  try {
    guard.attempt(username, '192.0.2.1', null).fail();
    return true;
  } catch (error) {
    if (error instanceof JotError && error.code === 'rate_limited') return false;
    throw error;
  }
}

function heapMax(entries: number): number {
  return entries * ENTRY_BYTES_MAX + HEAP_BYTES_NOISE;
}

// An address of its own for each number up to 2^32.
function addressOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}

describe('More callers than buckets', () => {
  const now = () => START_MS;
  const holders: readonly (readonly [item: string, bound: number, fill: () => { readonly size: number }])[] =
    [
      [
        'Limiter',
        KEYS_MAX,
        () => {
          const limiter = new Limiter('default', { tokens: 600, windowMs: 60_000 }, now);
          for (let number = 0; number < CALLERS; number++) limiter.take(`address ${addressOf(number)}`);
          return limiter;
        },
      ],
      [
        'TokenBucket',
        KEYS_MAX,
        () => {
          const bucket = new TokenBucket({ capacity: 1, refillPerSecond: 1, now });
          for (let number = 0; number < CALLERS; number++) bucket.take(addressOf(number));
          return bucket;
        },
      ],
      [
        'LoginGuard',
        2 * KEYS_MAX,
        () => {
          const guard = new LoginGuard({ tokens: 10, windowMs: 60_000 }, now);
          for (let number = 0; number < CALLERS; number++) guess(guard, `user ${number}`);
          return guard;
        },
      ],
      [
        'TtlCache',
        1_000,
        () => {
          const cache = new TtlCache<string, string>({ ttlMs: 60_000, max: 1_000, now });
          for (let number = 0; number < CALLERS; number++) cache.set(addressOf(number), `answer ${number}`);
          return cache;
        },
      ],
    ];
  for (const [item, bound, fill] of holders) {
    it(`${item}: keeps so many entries, and the memory for them, and no more`, () => {
      const { bytes, made } = heapOf(fill);
      assert.equal(Object(made).size, bound);
      assert.ok(bytes < heapMax(bound), `${bytes} bytes`);
    });
  }

  const floods: readonly (readonly [item: string, isRefused: (flood: number) => boolean])[] = [
    [
      'a flood of names',
      (flood) => {
        const guard = new LoginGuard({ tokens: 10, windowMs: 900_000 }, now);
        for (let count = 0; count < 10; count++) guess(guard, 'matt');
        for (let number = 0; number < flood; number++) guess(guard, `user ${number}`);
        return !guess(guard, 'matt');
      },
    ],
    [
      'a flood of addresses',
      (flood) => {
        const limiter = new Limiter('auth', { tokens: 60, windowMs: 60_000 }, now);
        for (let count = 0; count < 60; count++) limiter.take('192.0.2.1');
        for (let number = 0; number < flood; number++) limiter.take(addressOf(number));
        return !limiter.take('192.0.2.1').allowed;
      },
    ],
  ];
  for (const [item, isRefused] of floods) {
    it(`${item}: gives nobody back what was used up`, () => {
      assert.equal(isRefused(0), true);
      assert.equal(isRefused(CALLERS), true);
    });
  }

  it('a Map: would not stay below that bound', () => {
    const { bytes, made } = heapOf(() => {
      const levels = new Map<string, object>();
      for (let number = 0; number < 4 * KEYS_MAX; number++)
        levels.set(addressOf(number), { atMs: number + 0.5 });
      return levels;
    });
    assert.equal(Object(made).size, 4 * KEYS_MAX);
    assert.ok(bytes > heapMax(KEYS_MAX), `${bytes} bytes`);
  });

  it('addresses: a thousand over HTTP are as many entries, and a network of IPv6 is one', async (t) => {
    const rates = { RATE_LIMIT: '600/m', RATE_LIMIT_AUTH: '60/m', RATE_LIMIT_LOGIN: '10/15m' };
    const server = await startServer(t, { ...rates, TRUST_PROXY: '127.0.0.1' });
    const agent = keptAlive(t);
    const visit = (address: string) =>
      server.call('GET', '/users', { agent, headers: { 'X-Forwarded-For': address } });
    const visits = (count: number, addressAt: (number: number) => string) =>
      inTurns(count, (number) => visit(addressAt(number)));
    await visits(1_000, (number) => addressOf(0x0a000000 + number));
    assert.equal((await gauges(server))['jot_limiter_keys{limit="default"}'], 1_000);
    await visits(200, (number) => `2001:db8::${number.toString(16)}`);
    assert.equal((await gauges(server))['jot_limiter_keys{limit="default"}'], 1_001);
    const last = await visit('2001:db8::ffff');
    assert.equal(last.headers['x-ratelimit-remaining'], '399');
  });

  it('queries: are remembered without the rest of their targets', async (t) => {
    const server = await startServer(t, { LOG: 'off' });
    const agent = keptAlive(t);
    const prefix = `http://${'a'.repeat(7_000)}`;
    const ask = async (query: string) => {
      for (const path of ['/users', '/', '/healthz', '/readyz', '/openapi.json'])
        await server.call('GET', `${prefix}${path}?${query}`, { agent });
    };
    await ask('the-first-query');
    const before = await bytesInUse();
    await inTurns(100, (number) => ask(`a-later-query=${number}`));
    const more = (await bytesInUse()) - before;
    assert.ok(more < 2_500_000, `${more} bytes`);
  });

  it('lists: a thousand different ones are cached, and an eighth of them for one address', async (t) => {
    const server = await startServer(t, { TRUST_PROXY: '127.0.0.1' });
    const agent = keptAlive(t);
    const get = async (address: number, after: number) => {
      const headers = { 'X-Forwarded-For': addressOf(address) };
      return (await server.call('GET', `/users?after=${after}`, { agent, headers })).headers['x-cache'];
    };
    await get(1, 0);
    await inTurns(1_200, (number) => get(2, number + 1));
    assert.equal((await gauges(server)).jot_cache_entries, 126);
    assert.deepEqual([await get(1, 0), await get(1, 1_200), await get(1, 1)], ['HIT', 'HIT', 'MISS']);
    await inTurns(1_200, (number) => get(3 + (number % 20), number + 2_000));
    assert.equal((await gauges(server)).jot_cache_entries, 1_000);
  });
});

function keptAlive(t: Cleanup): Agent {
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  return agent;
}

/** So many calls, some at a time. */
async function inTurns(count: number, call: (number: number) => Promise<unknown>): Promise<void> {
  for (let number = 0; number < count; number += 50) {
    await Promise.all(
      Array.from({ length: Math.min(50, count - number) }, (_, index) => call(number + index)),
    );
  }
}
