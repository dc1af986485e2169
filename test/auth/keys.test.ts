import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keysFromSecrets, randomKey } from '../../src/auth/keys.ts';

describe('keysFromSecrets', () => {
  it('keeps the order and the secrets', () => {
    const secrets = keysFromSecrets(['new', 'old']).map(({ secret }) => secret);
    assert.deepEqual(secrets, ['new', 'old']);
    assert.deepEqual(keysFromSecrets([]), []);
  });

  it('returns the same id for a secret every time, whatever its place', () => {
    const [first, second] = keysFromSecrets(['new', 'old']);
    assert.deepEqual(keysFromSecrets(['old', 'new']), [second, first]);
  });

  it('returns different ids for different secrets, which do not reveal them', () => {
    const secrets = ['a', 'b', 'A', 'a ', 'secret', 'secret1', 'x'.repeat(64), 'x'.repeat(65)];
    const kids = keysFromSecrets(secrets).map(({ kid }) => kid);
    assert.equal(new Set(kids).size, secrets.length);
    for (const kid of kids) assert.match(kid, /^[\w-]{8}$/);
  });
});

describe('randomKey', () => {
  it('returns 32 bytes and an id, both new each time', () => {
    const [one, other] = [randomKey(), randomKey()];
    assert.equal(one.secret.length, 32);
    assert.match(one.kid, /^[0-9a-f]{8}$/);
    assert.notEqual(one.kid, other.kid);
    assert.notDeepEqual(one.secret, other.secret);
  });
});
