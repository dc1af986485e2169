// What an answer, its time, the log and the metrics give away: nothing about who exists beyond what is public, and no
// secret to anybody it is not for.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { watchScrypt } from '../support/process/scrypt-spy.ts';
import { assertFailure } from '../support/server/answers.ts';
import { startServer, type TestServer } from '../support/server/server.ts';

const OLD_COST = 'ln=3,r=1,p=1';
const NEW_COST = 'ln=2,r=2,p=1';

/** Attempts that must look alike whoever is named, and how many hashes each is worth. */
const attempts: readonly (readonly [reason: string, credentials: object, hashes: number])[] = [
  ['a wrong password', { password: 'wrong' }, 1],
  ['an empty password', { password: '' }, 1],
  ['the longest password', { password: 'x'.repeat(1024) }, 1],
  ['a password that is too long', { password: 'x'.repeat(1025) }, 0],
  ['a password with U+0000', { password: 'secret\0' }, 0],
  ['a password that is no text', { password: 5 }, 0],
  ['no password', {}, 0],
];

/** A server with users whose hashes were made at another cost, and at today's. */
async function startAfterChange(t: TestContext): Promise<TestServer> {
  const settings = { DATABASE_URL: `file:${temporaryFolder(t)}/jot.jsonl`, RATE_LIMIT_LOGIN: '9/h' };
  const before = await startServer(t, { ...settings, PASSWORD_COST: OLD_COST });
  await before.signUp('old');
  await before.signUp('stays old');
  await before.close();
  const server = await startServer(t, { ...settings, PASSWORD_COST: NEW_COST });
  await server.signUp('new');
  await server.signIn('old');
  return server;
}

describe('A refused login', () => {
  for (const [reason, credentials, hashes] of attempts) {
    it(`${reason}: is the same answer after the same work, whoever is named`, async (t) => {
      const server = await startServer(t, { PASSWORD_COST: NEW_COST, RATE_LIMIT_LOGIN: '9/h' });
      await server.signUp('matt');
      const costs = watchScrypt(t);
      const seen = await Promise.all([{ username: 'matt' }, { username: 'nobody' }, {}].map(seenOf));
      assert.deepEqual(seen[0], [401, 'Invalid credentials']);
      assert.deepEqual(seen[1], seen[0]);
      assert.deepEqual(seen[2], seen[0]);
      assert.deepEqual(costs, Array(3 * hashes).fill(NEW_COST));

      async function seenOf(name: object) {
        const { status, json } = await server.call('POST', '/auth', { json: { ...name, ...credentials } });
        return [status, json.description];
      }
    });
  }

  it('after a change of cost: takes one hash at each cost while an older hash is left, whoever is named', async (t) => {
    const server = await startAfterChange(t);
    const costs = watchScrypt(t);
    for (const username of ['old', 'stays old', 'new', 'nobody', '']) {
      costs.length = 0;
      const answer = await server.call('POST', '/auth', { json: { username, password: 'wrong' } });
      assertFailure(answer, 401, 'Bad Request', 'Invalid credentials');
      assert.deepEqual(costs.sort(), [NEW_COST, OLD_COST], username);
    }
    costs.length = 0;
    await server.signIn('new');
    assert.deepEqual(costs, [NEW_COST]);
    await server.signIn('stays old');
    assert.deepEqual(costs, [NEW_COST, OLD_COST, NEW_COST]);
    await server.close();
  });

  it('after the last older hash is gone: takes one hash again from the next start on', async (t) => {
    const DATABASE_URL = `file:${temporaryFolder(t)}/jot.jsonl`;
    const before = await startServer(t, { DATABASE_URL, PASSWORD_COST: OLD_COST });
    await before.signUp('matt');
    await before.close();
    for (const expected of [2, 1]) {
      const server = await startServer(t, { DATABASE_URL, PASSWORD_COST: NEW_COST });
      const costs = watchScrypt(t);
      await server.call('POST', '/auth', { json: { username: 'nobody', password: 'wrong' } });
      assert.equal(costs.length, expected);
      await server.signIn('matt');
      await server.close();
    }
  });

  it('over the limit: is the same for a name that nobody has', async (t) => {
    const server = await startServer(t, { RATE_LIMIT_LOGIN: '2/h' });
    await server.signUp('matt');
    const costs = watchScrypt(t);
    const statuses = async (username: string) => {
      const json = { username, password: 'wrong' };
      const answers = [];
      for (let count = 0; count < 3; count++) answers.push(await server.call('POST', '/auth', { json }));
      return answers.map(({ status, headers }) => [status, headers['retry-after']]);
    };
    const [known, unknown] = [await statuses('matt'), await statuses('nobody')];
    assert.deepEqual(known, [
      [401, undefined],
      [401, undefined],
      [429, '1800'],
    ]);
    assert.deepEqual(unknown, known);
    assert.equal(costs.length, 4);
  });
});
