// A user who is disabled while a login is under way. The login has read the user as enabled, and
// must not end with a session.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Gate } from '../../src/auth/gate.ts';
import { hash } from '../../src/auth/password.ts';
import { PasswordHasher } from '../../src/auth/password-hasher.ts';
import { userRequests } from '../../src/commands/user-requests.ts';
import { createLog } from '../../src/lib/log.ts';
import { LoginGuard } from '../../src/limit/login-guard.ts';
import { startSession } from '../../src/resources/sessions.ts';
import { signIn } from '../../src/resources/sign-in.ts';
import { openFor, rejects, userNamed } from '../support/disk/stores.ts';
import type { Cleanup } from '../support/disk/temporary-folder.ts';
import { watchScrypt } from '../support/process/scrypt-spy.ts';
import { START_MS } from '../support/server/server.ts';

const cost = { ln: 1, r: 1, p: 1 };
const older = { ln: 2, r: 1, p: 1 };
const client = { address: '::1', userAgent: '' };

async function open(t: Cleanup) {
  const store = await openFor(t, 'memory:');
  const user = await store.users.create({ ...userNamed('matt'), password_hash: await hash('foo', older) });
  const gate = new Gate({ concurrency: 1, queueMax: 1 });
  const now = () => START_MS;
  const passwords = new PasswordHasher(cost, gate, [older]);
  const times = { now, lifetimeMs: 1_000, reuseLeewayMs: 0 };
  const options = { store, passwords, loginGuard: new LoginGuard(null, now), ...times };
  const log = createLog({ format: 'off', write: () => undefined, now });
  const operator = userRequests({ store, passwordLengthMin: 0, passwordCost: cost, now, log });
  return {
    ...{ store, user, gate, options },
    login: (password = 'foo') => signIn(options, { username: 'matt', password }, client),
    disable: async () => operator['user disable']?.({ username: 'matt' }),
  };
}

describe('signIn of a user who is disabled meanwhile', () => {
  for (const [when, isDisabled] of [
    ['before the login, which checks the password nevertheless', true],
    ['before the password is checked', true],
    ['never', false],
  ] as const) {
    it(`${isDisabled ? 'fails' : 'succeeds'}: ${when}`, async (t) => {
      const { store, gate, login, disable } = await open(t);
      if (when.startsWith('before the login')) await disable();
      const place = new EventEmitter();
      const before = gate.run('another caller', () => once(place, 'free'));
      const underWay = login();
      while (gate.queued === 0) await nextTurn();
      if (isDisabled) await disable();
      place.emit('free');
      await before;
      if (isDisabled) await rejects(underWay, 'invalid_credentials', 'Invalid credentials');
      else assert.equal((await underWay).user_id, 1);
      assert.equal(await store.sessions.count(), isDisabled ? 0 : 1);
    });
  }
});

describe('signIn of a disabled user', () => {
  it('hashes at each cost in use, for the right password as for a wrong one', async (t) => {
    const { login, disable } = await open(t);
    await disable();
    const costs = watchScrypt(t);
    for (const password of ['foo', 'wrong']) {
      costs.length = 0;
      await rejects(login(password), 'invalid_credentials');
      assert.deepEqual(costs, ['ln=1,r=1,p=1', 'ln=2,r=1,p=1'], password);
    }
  });
});

describe('startSession', () => {
  it('rejects a user who was disabled after the password was checked', async (t) => {
    const { store, user, options, disable } = await open(t);
    await disable();
    const started = startSession(options, { user, renewedHash: null }, client);
    await rejects(started, 'precondition_failed');
    assert.equal(await store.sessions.count(), 0);
  });

  it('leaves no session if the user is disabled in the same write to disk', async (t) => {
    const { store, user, options, disable } = await open(t);
    const started = startSession(options, { user, renewedHash: null }, client);
    await Promise.allSettled([started, disable()]);
    assert.equal(await store.sessions.count(), 0);
  });
});
