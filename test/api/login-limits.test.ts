// RATE_LIMIT_LOGIN: failed logins by username and address, and by username from everywhere.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertFailure, headerOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { startServer, type TestServer } from '../support/server/server.ts';

const TOO_MANY = ['Too Many Requests', 'Too many failed logins'] as const;
const RIGHT = { username: 'matt', password: 'secret' };
const WRONG = { username: 'matt', password: 'wrong' };
const MINUTES_15 = 900_000;

function loginFrom({ call }: TestServer, address: string, json: object) {
  return call('POST', '/auth', { json, headers: { 'X-Forwarded-For': address } });
}

describe('RATE_LIMIT_LOGIN', () => {
  it('lets ten logins fail in a quarter of an hour, and then refuses the right password too', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '' });
    await server.signUp('matt');
    const login = (json: object) => server.call('POST', '/auth', { json });
    for (let count = 0; count < 10; count++) assert.equal((await login(WRONG)).status, 401);
    for (const json of [WRONG, RIGHT]) {
      const refused = await login(json);
      assertFailure(refused, 429, ...TOO_MANY);
      assert.equal(refused.headers['retry-after'], '90');
    }
    server.clock.ms += 89_999;
    assert.equal((await login(RIGHT)).status, 429);
    server.clock.ms += 1;
    assert.equal((await login(RIGHT)).status, 200);
    assert.equal((await login(WRONG)).status, 401);
    assert.equal((await login(RIGHT)).status, 429);
  });

  it('does not count logins that succeed', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '1/h' });
    await server.signUp('matt');
    const login = (json: object) => server.call('POST', '/auth', { json });
    for (let count = 0; count < 25; count++) assert.equal((await login(RIGHT)).status, 200);
    assert.equal((await login(WRONG)).status, 401);
    assert.equal((await login(RIGHT)).status, 429);
  });

  it('counts while they are under way: many guesses at once get no further than one by one', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '3/h' });
    await server.signUp('matt');
    const guesses = Array.from({ length: 20 }, () => server.call('POST', '/auth', { json: WRONG }));
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 401).length, 3);
    // While the three are being checked nobody can tell whether they fail, so it may also be: come back in a moment.
    assert.equal(statuses.filter((status) => status === 429 || status === 503).length, 17);
    assert.equal((await server.call('POST', '/auth', { json: WRONG })).status, 429);
  });

  it('answers an address the same while another address signs in with the same name', async (t) => {
    const settings = { RATE_LIMIT_LOGIN: '1/h', TRUST_PROXY: '127.0.0.1', PASSWORD_COST: 'ln=11,r=8,p=1' };
    const server = await startServer(t, settings);
    await server.signUp('matt');
    await loginFrom(server, '192.0.2.1', WRONG);
    const others = Array.from({ length: 5 }, (_, number) => loginFrom(server, `198.51.100.${number}`, RIGHT));
    const refused = await Promise.all(others.map(() => loginFrom(server, '192.0.2.1', RIGHT)));
    for (const { status, headers } of refused)
      assert.deepEqual([status, headers['retry-after']], [429, '3600']);
    for (const { status } of await Promise.all(others)) assert.equal(status, 200);
  });

  const passwords: [password: object, isCounted: boolean, reason: string][] = [
    [{ password: 'wrong' }, true, 'another one'],
    [{ password: '' }, true, 'an empty one'],
    [{ password: 'x'.repeat(1024) }, true, 'the longest one'],
    [{ password: 'x'.repeat(1025) }, false, "one that is too long to be anybody's"],
    [{ password: 'secret\0' }, false, 'one that nobody can have'],
    [{ password: 5 }, false, 'one that is no text'],
    [{}, false, 'none'],
  ];
  for (const [password, isCounted, reason] of passwords) {
    it(`${isCounted ? 'counts' : 'does not count'} a wrong password: ${reason}`, async (t) => {
      const server = await startServer(t, { RATE_LIMIT_LOGIN: '1/h' });
      await server.signUp('matt');
      const json = { username: 'matt', ...password };
      assert.equal((await server.call('POST', '/auth', { json })).status, 401);
      assert.equal((await server.call('POST', '/auth', { json })).status, isCounted ? 429 : 401);
      assert.equal((await server.call('POST', '/auth', { json: RIGHT })).status, isCounted ? 429 : 200);
    });
  }

  it('ignores requests without a password, whose names occupy no memory either', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '1/h', RATE_LIMIT_AUTH: '1000/h' });
    const bucketsAfter = async (json: object) => {
      const { status, headers } = await server.call('POST', '/auth', { json });
      assert.equal(status, 401);
      const { text } = await server.call('GET', '/metrics');
      const left = Number(headers['x-ratelimit-remaining']);
      return [Number(/^jot_limiter_keys\{limit="login"\} (\d+)$/m.exec(text)?.[1]), left];
    };
    for (let count = 1; count <= 20; count++) {
      assert.deepEqual(await bucketsAfter({ username: `user ${count}` }), [0, 1000 - count]);
    }
    assert.deepEqual(await bucketsAfter({ username: 'matt', password: 'wrong' }), [2, 979]);
    assert.deepEqual(await bucketsAfter({ username: 'matt' }), [2, 978]);
  });

  it('counts a user who does not exist just the same', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '2/h' });
    await server.signUp('matt');
    for (const username of ['matt', 'nobody']) {
      const login = () => server.call('POST', '/auth', { json: { username, password: 'wrong' } });
      const statuses = [(await login()).status, (await login()).status, (await login()).status];
      assert.deepEqual(statuses, [401, 401, 429]);
    }
  });

  it('counts by the folded name: another spelling is no way around', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '3/h' });
    await server.signUp('Straße');
    const login = (username: string, password: string) =>
      server.call('POST', '/auth', { json: { username, password } });
    for (const name of ['straße', 'STRASSE', 'Ｓtra\u200bße'])
      assert.equal((await login(name, 'x')).status, 401);
    assert.equal((await login('Straße', 'secret')).status, 429);
    assert.equal((await login('other', 'x')).status, 401);
  });

  it('has a separate bucket for each name and each address', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '1/h', TRUST_PROXY: '127.0.0.1' });
    for (const username of ['matt', 'elie']) await server.signUp(username);
    assert.equal((await loginFrom(server, '192.0.2.1', WRONG)).status, 401);
    assert.equal((await loginFrom(server, '192.0.2.1', RIGHT)).status, 429);
    assert.equal((await loginFrom(server, '192.0.2.2', RIGHT)).status, 200);
    assert.equal((await loginFrom(server, '192.0.2.1', { ...RIGHT, username: 'elie' })).status, 200);
    assert.equal((await loginFrom(server, '2001:db8::1', WRONG)).status, 401);
    assert.equal((await loginFrom(server, '2001:db8::2', RIGHT)).status, 429);
  });

  it('lets ten times as many fail for one name from everywhere', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '2/15m', TRUST_PROXY: '127.0.0.1' });
    for (const username of ['matt', 'elie']) await server.signUp(username);
    for (let count = 0; count < 20; count++) {
      assert.equal((await loginFrom(server, `192.0.2.${count}`, WRONG)).status, 401);
    }
    for (const address of ['192.0.2.1', '198.51.100.1']) {
      const refused = await loginFrom(server, address, RIGHT);
      assertFailure(refused, 429, ...TOO_MANY);
      assert.equal(refused.headers['retry-after'], '45');
    }
    assert.equal((await loginFrom(server, '192.0.2.1', { ...RIGHT, username: 'elie' })).status, 200);
    server.clock.ms += 45_000;
    assert.equal((await loginFrom(server, '192.0.2.1', RIGHT)).status, 200);
  });

  it('takes nothing from the address while the name is refused from everywhere', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '1/15m', TRUST_PROXY: '127.0.0.1' });
    await server.signUp('matt');
    for (let count = 0; count < 10; count++) await loginFrom(server, `192.0.2.${count}`, WRONG);
    for (let count = 0; count < 3; count++) {
      assert.equal((await loginFrom(server, '198.51.100.1', RIGHT)).status, 429);
    }
    server.clock.ms += 90_000;
    assert.equal((await loginFrom(server, '198.51.100.1', RIGHT)).status, 200);
  });

  it('sends the longer wait if both buckets are empty: after Retry-After a login passes', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '1/15m', TRUST_PROXY: '127.0.0.1' });
    await server.signUp('matt');
    assert.equal((await loginFrom(server, '198.51.100.1', WRONG)).status, 401);
    server.clock.ms += MINUTES_15 - 1_000;
    for (let count = 0; count < 10; count++) {
      assert.equal((await loginFrom(server, `192.0.2.${count}`, WRONG)).status, 401);
    }
    const refused = await loginFrom(server, '198.51.100.1', RIGHT);
    assert.equal(refused.status, 429);
    server.clock.ms += Number(headerOf(refused, 'retry-after')) * 1_000;
    assert.equal((await loginFrom(server, '198.51.100.1', RIGHT)).status, 200);
  });

  it('sends the longer wait if the request emptied another bucket', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '1/10s', RATE_LIMIT_AUTH: '3/h' });
    await server.signUp('matt');
    const login = (json: object) => server.call('POST', '/auth', { json });
    assert.equal((await login(WRONG)).status, 401);
    const refused = await login(RIGHT);
    assertFailure(refused, 429, ...TOO_MANY);
    server.clock.ms += Number(headerOf(refused, 'retry-after')) * 1_000;
    assert.equal((await login(RIGHT)).status, 200);
  });

  it('is never listed, and leaves the buckets that are', async (t) => {
    const server = await startServer(t, {
      RATE_LIMIT_LOGIN: '1/h',
      RATE_LIMIT: '9/h',
      RATE_LIMIT_AUTH: '9/h',
    });
    const login = () => server.call('POST', '/auth', { json: WRONG });
    for (const [status, remaining] of [
      [401, 8],
      [429, 7],
    ]) {
      const answer = await login();
      assert.equal(answer.status, status);
      assert.equal(answer.headers['ratelimit-policy'], '"default";q=9;w=3600, "auth";q=9;w=3600');
      assert.equal(answer.headers.ratelimit, `"default";r=${remaining};t=400, "auth";r=${remaining};t=400`);
      assert.equal(answer.headers['x-ratelimit-limit'], '9');
    }
  });

  it('does not affect signed-in users or a refresh', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '1/h' });
    const matt = await createPerson(server, 'matt');
    await server.call('POST', '/auth', { json: WRONG });
    assert.equal((await server.call('POST', '/auth', { json: RIGHT })).status, 429);
    assert.equal((await matt.call('GET', '/auth')).status, 200);
    const json = { refresh_token: matt.refresh };
    assert.equal((await server.call('POST', '/auth/refresh', { json })).status, 200);
  });

  it('off counts nothing', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: 'off' });
    await server.signUp('matt');
    for (let count = 0; count < 120; count++) await server.call('POST', '/auth', { json: WRONG });
    assert.equal((await server.call('POST', '/auth', { json: RIGHT })).status, 200);
  });
});
