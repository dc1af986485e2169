// RATE_LIMIT_LOGIN under attack: at an address where the user has signed in before, the right
// password signs in, whatever has happened to the account since.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { hash } from '../../src/auth/password.ts';
import { askServer } from '../../src/commands/running-server.ts';
import { anything } from '../../src/schema/schema.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { startServer } from '../support/server/server.ts';

const HOME = '203.0.113.1';
const NEW_PLACE = '203.0.113.2';
const COST = { ln: 1, r: 1, p: 1 };

async function startUnderAttack(t: TestContext, settings: Record<string, string> = {}) {
  const limits = { RATE_LIMIT_LOGIN: '1/h', TRUST_PROXY: '127.0.0.1', LOG: 'off' };
  const server = await startServer(t, { ...limits, ...settings });
  const logIn = (address: string, username: string, password = 'secret') =>
    server.call('POST', '/auth', {
      json: { username, password },
      headers: { 'X-Forwarded-For': address },
    });
  const statusAt = async (...login: Parameters<typeof logIn>) => (await logIn(...login)).status;
  /** Fails to sign in from many addresses, until the name is locked everywhere else. */
  const attack = async (username: string) => {
    for (let number = 0; number < 10; number++) await logIn(`198.51.100.${number}`, username, 'wrong');
    assert.equal(await statusAt('198.51.100.99', username), 429);
  };
  await server.signUp('matt');
  const { json } = await logIn(HOME, 'matt');
  const change = async (fields: object) => {
    const options = { json: fields, token: json.access_token };
    assert.equal((await server.call('PATCH', '/users/1', options)).status, 200);
  };
  return { server, statusAt, attack, change };
}

describe('RATE_LIMIT_LOGIN at a known address', () => {
  it('admits a user who changes the password during an attack', async (t) => {
    const { statusAt, attack, change } = await startUnderAttack(t);
    await attack('matt');
    await change({ password: 'new' });
    assert.equal(await statusAt(NEW_PLACE, 'matt', 'new'), 429);
    assert.equal(await statusAt(HOME, 'matt', 'new'), 200);
    assert.equal(await statusAt(HOME, 'matt', 'secret'), 401);
  });

  it('admits a user whose password the operator changes during an attack', async (t) => {
    const path = join(temporaryFolder(t), 'jot.jsonl');
    const { statusAt, attack } = await startUnderAttack(t, { DATABASE_URL: `file:${path}` });
    await attack('matt');
    const value = { username: 'matt', password_hash: await hash('new', COST) };
    await askServer(path, { name: 'user password', value, type: anything() });
    assert.equal(await statusAt(NEW_PLACE, 'matt', 'new'), 429);
    assert.equal(await statusAt(HOME, 'matt', 'new'), 200);
  });

  it('admits a user who changes the username, and then an attack follows', async (t) => {
    const { statusAt, attack, change } = await startUnderAttack(t);
    for (const username of ['one', 'two']) await change({ username });
    await attack('two');
    assert.equal(await statusAt(HOME, 'two'), 200);
  });

  it('remembers eight addresses of a user, and does not forget those of another user', async (t) => {
    const { server, statusAt, attack } = await startUnderAttack(t);
    await server.signUp('elie');
    const addresses = Array.from({ length: 9 }, (_, number) => `10.0.0.${number}`);
    for (const address of addresses) assert.equal(await statusAt(address, 'elie'), 200);
    for (const name of ['matt', 'elie']) await attack(name);
    assert.equal(await statusAt(HOME, 'matt'), 200);
    const [first = '', ...others] = addresses;
    assert.equal(await statusAt(first, 'elie'), 429);
    for (const address of others) assert.equal(await statusAt(address, 'elie'), 200);
  });
});
