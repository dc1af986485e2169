import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Gate } from '../../src/auth/gate.ts';
import { type Cost, hash } from '../../src/auth/password.ts';
import { PasswordHasher } from '../../src/auth/password-hasher.ts';
import { watchScrypt } from '../support/process/scrypt-spy.ts';

const OLD: Cost = { ln: 1, r: 1, p: 1 };
const OLDER: Cost = { ln: 3, r: 1, p: 1 };
const TODAY: Cost = { ln: 2, r: 1, p: 1 };
const today = 'ln=2,r=1,p=1';
const CALLER = '192.0.2.1';

function passwords(inUse: readonly Cost[] = []): PasswordHasher {
  return new PasswordHasher(TODAY, new Gate({ concurrency: 1, queueMax: 10 }), inUse);
}

describe('PasswordHasher', () => {
  it('hash uses the configured cost, and verify accepts the hash', async () => {
    const phc = await passwords().hash('foo', CALLER);
    assert.ok(phc.startsWith(`$scrypt$${today}$`));
    assert.deepEqual(await passwords().verify('foo', phc, CALLER), { ok: true, renewed: null });
    assert.deepEqual(await passwords().verify('bar', phc, CALLER), { ok: false, renewed: null });
    assert.equal((await passwords().verify('foo', null, CALLER)).ok, false);
  });

  it('verify rejects after one hash if all are of one cost, in use or not', async (t) => {
    const phc = await hash('foo', TODAY);
    const costs = watchScrypt(t);
    for (const inUse of [[], [TODAY], [TODAY, TODAY]]) {
      for (const given of [phc, null]) {
        costs.length = 0;
        await passwords(inUse).verify('bar', given, CALLER);
        assert.deepEqual(costs, [today]);
      }
    }
  });

  it('verify rejects after one hash of each cost in use, for any user or none', async (t) => {
    const hashes = [await hash('foo', OLD), await hash('foo', OLDER), await hash('foo', TODAY), null];
    const costs = watchScrypt(t);
    for (const phc of hashes) {
      costs.length = 0;
      assert.equal((await passwords([OLD, TODAY, OLDER]).verify('bar', phc, CALLER)).ok, false);
      assert.deepEqual(costs.sort(), ['ln=1,r=1,p=1', 'ln=2,r=1,p=1', 'ln=3,r=1,p=1'], `${phc}`);
    }
  });

  it('verify accepts after one hash', async (t) => {
    const phc = await hash('foo', TODAY);
    const costs = watchScrypt(t);
    assert.deepEqual(await passwords([OLD]).verify('foo', phc, CALLER), { ok: true, renewed: null });
    assert.deepEqual(costs, [today]);
  });

  it('verify returns a renewed hash for an old one, only for the right password, within one pass of the gate', async (t) => {
    const phc = await hash('foo', OLD);
    const costs = watchScrypt(t);
    const gate = new Gate({ concurrency: 1, queueMax: 0 });
    const checks = new PasswordHasher(TODAY, gate, [OLD]);
    const first = checks.verify('foo', phc, CALLER);
    await assert.rejects(checks.verify('foo', phc, CALLER), { code: 'unavailable' });
    const { ok, renewed } = await first;
    assert.ok(ok && renewed !== null);
    assert.deepEqual(costs, ['ln=1,r=1,p=1', today]);
    assert.deepEqual(await checks.verify('foo', renewed, CALLER), { ok: true, renewed: null });
    assert.deepEqual(await checks.verify('bar', phc, CALLER), { ok: false, renewed: null });
  });

  it('verify rejects a password for a hash that is malformed or too expensive, after the same work', async (t) => {
    const [, , , salt, derived] = (await hash('foo', TODAY)).split('$');
    const costs = watchScrypt(t);
    for (const phc of ['', '$2b$12$abc', `$scrypt$ln=10,r=8,p=262144$${salt}$${derived}`]) {
      costs.length = 0;
      const verified = await passwords([OLD]).verify('foo', phc, CALLER);
      assert.deepEqual(verified, { ok: false, renewed: null });
      assert.deepEqual(costs, [today, 'ln=1,r=1,p=1'], phc);
    }
  });

  it('verify hashes at no more than three older costs, the first ones', async (t) => {
    const costs = watchScrypt(t);
    const inUse = [3, 1, 2, 4, 5].map((ln) => ({ ln, r: 1, p: 1 }));
    assert.equal((await passwords(inUse).verify('foo', null, CALLER)).ok, false);
    assert.deepEqual(costs, [today, 'ln=3,r=1,p=1', 'ln=1,r=1,p=1', 'ln=4,r=1,p=1']);
  });

  it('verify passes the gate once for the whole check', async () => {
    const gate = new Gate({ concurrency: 1, queueMax: 0 });
    const checks = new PasswordHasher(TODAY, gate, [OLD]);
    const first = checks.verify('bar', null, CALLER);
    await assert.rejects(checks.verify('bar', null, CALLER), { code: 'unavailable' });
    assert.equal((await first).ok, false);
    assert.deepEqual([gate.running, gate.queued], [0, 0]);
  });
});
