import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keysFromSecrets, randomKey } from '../../src/auth/keys.ts';

describe('keysFromSecrets', () => {
  it('keeps the order and the secrets', () => {
    const secrets = keysFromSecrets(['new', 'old']).map(({ secret }) => secret);
    assert.deepEqual(secrets, ['new', 'old']);
    assert.deepEqual(keysFromSecrets([]), []);
  });

  it('gives a secret the same id every time, wherever it stands', () => {
    const [first, second] = keysFromSecrets(['new', 'old']);
    assert.deepEqual(keysFromSecrets(['old', 'new']), [second, first]);
  });

  it('gives different secrets different ids, which do not show them', () => {
    const secrets = ['a', 'b', 'A', 'a ', 'secret', 'secret1', 'x'.repeat(64), 'x'.repeat(65)];
    const kids = keysFromSecrets(secrets).map(({ kid }) => kid);
    assert.equal(new Set(kids).size, secrets.length);
    for (const kid of kids) assert.match(kid, /^[\w-]{8}$/);
  });
});

describe('randomKey', () => {
  it('gives 32 bytes and an id, both new each time', () => {
    const [one, other] = [randomKey(), randomKey()];
    assert.equal(one.secret.length, 32);
    assert.match(one.kid, /^[0-9a-f]{8}$/);
    assert.notEqual(one.kid, other.kid);
    assert.notDeepEqual(one.secret, other.secret);
  });
});
