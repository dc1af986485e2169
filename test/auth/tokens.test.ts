import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sign } from '../../src/auth/jwt.ts';
import { type TokenSettings, Tokens } from '../../src/auth/tokens.ts';
import { heapOf } from '../support/server/resources.ts';

const T = 1_700_000_000;
const KEY = { kid: 'k1', secret: 'thirty-two bytes that sign today' };
const OLD_KEY = { kid: 'k0', secret: 'thirty-two bytes for the old key' };
const SETTINGS: TokenSettings = {
  expirationMs: 300_000,
  notBeforeMs: 0,
  leewayMs: 0,
  refreshExpirationMs: 30 * 86_400_000,
};
const SESSION = { sid: 's1', user_id: 7, generation: 3, last_used: T * 1000 };

function tokensAt(ms: number, settings: Partial<TokenSettings> = {}, keys = [KEY, OLD_KEY]): Tokens {
  return new Tokens(keys, { ...SETTINGS, ...settings }, () => ms);
}

const tokens = tokensAt(T * 1000);

function textOf(token: string, segment: number): string {
  return Buffer.from(token.split('.')[segment] ?? '', 'base64url').toString();
}

describe('Tokens', () => {
  it('throws without a key', () => {
    assert.throws(() => new Tokens([], SETTINGS, () => 0), TypeError);
  });

  it('signs with the first key and accepts tokens signed with any key', () => {
    const before = tokensAt(T * 1000, {}, [OLD_KEY]);
    assert.equal(tokens.readAccess(tokens.access(SESSION, true)).kid, 'k1');
    assert.equal(tokens.readAccess(before.access(SESSION, true)).kid, 'k0');
    assert.equal(tokens.readRefresh(before.refresh(SESSION)).sid, 's1');
    assert.throws(() => before.readAccess(tokens.access(SESSION, true)), {
      name: 'JwtError',
      message: 'Signature verification failed',
    });
  });
});

describe('Tokens.readAccess of a token cut from a header', () => {
  it('remembers the token without the rest of the header', () => {
    const { bytes } = heapOf(() => {
      const reader = tokensAt(T * 1000);
      for (let number = 0; number < 200; number++) {
        const token = tokens.access({ ...SESSION, sid: `session ${number}` }, true);
        reader.readAccess(`${' '.repeat(15_000)}${token}`.trim());
      }
      return reader;
    });
    assert.ok(bytes < 1_000_000, `${bytes} bytes`);
  });
});

describe('Tokens.access', () => {
  it('writes header and payload as the contract defines them', () => {
    const token = tokens.access(SESSION, true);
    assert.equal(textOf(token, 0), '{"typ":"JWT","alg":"HS256","kid":"k1"}');
    assert.equal(
      textOf(token, 1),
      `{"identity":7,"iat":${T},"nbf":${T},"exp":${T + 300},"sid":"s1","fresh":true}`,
    );
  });

  it('reads the time from the clock, in whole seconds, and not from the session', () => {
    const token = tokensAt(T * 1000 + 9_999).access(SESSION, false);
    assert.equal(
      textOf(token, 1),
      `{"identity":7,"iat":${T + 9},"nbf":${T + 9},"exp":${T + 309},"sid":"s1","fresh":false}`,
    );
  });

  it('adds the configured delays, fractions of a second too', () => {
    const token = tokensAt(T * 1000, { expirationMs: 1500, notBeforeMs: 500 }).access(SESSION, true);
    const { iat, nbf, exp } = JSON.parse(textOf(token, 1));
    assert.deepEqual({ iat, nbf, exp }, { iat: T, nbf: T + 0.5, exp: T + 1.5 });
  });
});

describe('Tokens.refresh', () => {
  it('writes header and payload from the session alone', () => {
    const token = tokensAt((T + 1000) * 1000).refresh({ ...SESSION, last_used: T * 1000 + 999 });
    assert.equal(textOf(token, 0), '{"typ":"refresh+jwt","alg":"HS256","kid":"k1"}');
    assert.equal(
      textOf(token, 1),
      `{"identity":7,"iat":${T},"nbf":${T},"exp":${T + 30 * 86_400},"sid":"s1","generation":3}`,
    );
  });

  it('returns the same token for the same row, at any time', () => {
    const token = tokens.refresh(SESSION);
    assert.equal(tokens.refresh({ ...SESSION }), token);
    assert.equal(tokensAt((T + 12_345) * 1000, { leewayMs: 5 }).refresh(SESSION), token);
  });

  const rows = [
    { reason: 'another generation', change: { generation: 4 } },
    { reason: 'another time', change: { last_used: (T + 1) * 1000 } },
    { reason: 'another session', change: { sid: 's2' } },
    { reason: 'another user', change: { user_id: 8 } },
  ];
  for (const { reason, change } of rows) {
    it(`returns a different token for ${reason}`, () => {
      assert.notEqual(tokens.refresh({ ...SESSION, ...change }), tokens.refresh(SESSION));
    });
  }
});

describe('Tokens.readAccess', () => {
  for (const fresh of [true, false]) {
    it(`returns the session that access signed, fresh ${fresh}`, () => {
      assert.deepEqual(tokens.readAccess(tokens.access(SESSION, fresh)), {
        identity: 7,
        sid: 's1',
        fresh,
        exp: T + 300,
        nbf: T,
        iat: T,
        kid: 'k1',
      });
    });
  }

  it('rejects a refresh token', () => {
    assert.throws(() => tokens.readAccess(tokens.refresh(SESSION)), {
      name: 'JwtError',
      message: 'This is not an access token',
    });
  });
});

describe('Tokens.readRefresh', () => {
  it('returns the session that refresh signed', () => {
    assert.deepEqual(tokens.readRefresh(tokens.refresh(SESSION)), { identity: 7, sid: 's1', generation: 3 });
  });

  it('rejects an access token', () => {
    assert.throws(() => tokens.readRefresh(tokens.access(SESSION, true)), {
      name: 'JwtError',
      message: 'This is not a refresh token',
    });
  });
});

describe('Tokens: lifetimes, leeway and delays', () => {
  const expired = { name: 'JwtError', message: 'Signature has expired' };
  const early = { name: 'JwtError', message: 'The token is not yet valid (nbf)' };
  const access = tokens.access(SESSION, true);
  const refresh = tokens.refresh(SESSION);
  const refreshEndMs = (T + 30 * 86_400) * 1000;

  it('an access token lives for expirationMs and leewayMs', () => {
    tokensAt((T + 300) * 1000 - 1).readAccess(access);
    assert.throws(() => tokensAt((T + 300) * 1000).readAccess(access), expired);
    tokensAt((T + 310) * 1000 - 1, { leewayMs: 10_000 }).readAccess(access);
    assert.throws(() => tokensAt((T + 310) * 1000, { leewayMs: 10_000 }).readAccess(access), expired);
  });

  it('a refresh token lives for refreshExpirationMs and leewayMs', () => {
    tokensAt(refreshEndMs - 1).readRefresh(refresh);
    assert.throws(() => tokensAt(refreshEndMs).readRefresh(refresh), expired);
    tokensAt(refreshEndMs + 9_999, { leewayMs: 10_000 }).readRefresh(refresh);
    assert.throws(() => tokensAt(refreshEndMs + 10_000, { leewayMs: 10_000 }).readRefresh(refresh), expired);
  });

  it('a token is not valid before its time, less leewayMs', () => {
    assert.throws(() => tokensAt(T * 1000 - 1).readAccess(access), early);
    assert.throws(() => tokensAt(T * 1000 - 1).readRefresh(refresh), early);
    tokensAt(T * 1000 - 10_000, { leewayMs: 10_000 }).readAccess(access);
    assert.throws(() => tokensAt(T * 1000 - 10_001, { leewayMs: 10_000 }).readAccess(access), early);
  });

  it('a token with a delay is not valid immediately', () => {
    const delayed = tokensAt(T * 1000, { notBeforeMs: 500 }).access(SESSION, true);
    assert.throws(() => tokensAt(T * 1000 + 499).readAccess(delayed), early);
    tokensAt(T * 1000 + 500).readAccess(delayed);
  });
});

// What a holder of the key could sign, but these classes' own methods never do.
describe('Tokens.readAccess and Tokens.readRefresh of tokens that another program signed with the key', () => {
  const claims = { identity: 7, iat: T, nbf: T, exp: T + 300, sid: 's1', fresh: true, generation: 3 };
  const signAccess = (changes = {}) => sign({ ...claims, ...changes }, KEY);
  const signRefresh = (changes = {}) => sign({ ...claims, ...changes }, KEY, { typ: 'refresh+jwt' });

  it('accept a token of the same claims', () => {
    assert.equal(tokens.readAccess(signAccess()).identity, 7);
    assert.equal(tokens.readRefresh(signRefresh()).identity, 7);
  });

  const unusable = [
    ...[undefined, null, '7', 0, -1, 1.5, 2 ** 53, true, [7], {}].map((value) => ({
      name: 'identity',
      value,
    })),
    ...[undefined, null, 1, true, ['s1'], {}].map((value) => ({ name: 'sid', value })),
    ...['exp', 'nbf', 'iat'].map((name) => ({ name, value: undefined })),
  ];
  for (const { name, value } of unusable) {
    it(`reject one whose ${name} is ${JSON.stringify(value)}`, () => {
      const expected = { name: 'JwtError', message: `Token is missing the "${name}" claim` };
      assert.throws(() => tokens.readAccess(signAccess({ [name]: value })), expected);
      assert.throws(() => tokens.readRefresh(signRefresh({ [name]: value })), expected);
    });
  }

  for (const generation of [undefined, null, '3', 1.5, true]) {
    it(`readRefresh rejects one whose generation is ${JSON.stringify(generation)}`, () => {
      const message = 'Token is missing the "generation" claim';
      assert.throws(() => tokens.readRefresh(signRefresh({ generation })), { name: 'JwtError', message });
    });
  }

  for (const fresh of [undefined, null, 'true', 1, {}]) {
    it(`readAccess reads one whose fresh is ${JSON.stringify(fresh)} as not fresh`, () => {
      assert.equal(tokens.readAccess(signAccess({ fresh })).fresh, false);
    });
  }

  for (const name of ['iss', 'sub', 'aud']) {
    it(`reject one that has ${name}, whatever its value: no token of this server has it`, () => {
      const expected = { name: 'JwtError', message: `The "${name}" claim is not one of this server's` };
      for (const value of ['jot', 7, null, []]) {
        assert.throws(() => tokens.readAccess(signAccess({ [name]: value })), expected);
        assert.throws(() => tokens.readRefresh(signRefresh({ [name]: value })), expected);
      }
    });
  }

  for (const typ of [undefined, null, '', 'jwt', 'at+jwt', 'REFRESH+JWT', 'application/jwt', ['JWT']]) {
    it(`reject one whose typ is ${JSON.stringify(typ)}`, () => {
      const token = sign(claims, KEY, { typ });
      assert.throws(() => tokens.readAccess(token), {
        name: 'JwtError',
        message: /^This is not an access token$/,
      });
      assert.throws(() => tokens.readRefresh(token), { message: /^This is not a refresh token$/ });
    });
  }
});

describe('Tokens.useKeys', () => {
  const NEW_KEY = { kid: 'k2', secret: 'thirty-two bytes for another key' };
  const refused = { name: 'JwtError', message: 'Signature verification failed' };

  it('signs with the new first key, and immediately rejects tokens of a removed key', () => {
    const rotating = tokensAt(T * 1000, {}, [OLD_KEY]);
    const [access, refresh] = [rotating.access(SESSION, true), rotating.refresh(SESSION)];
    rotating.useKeys([NEW_KEY, OLD_KEY]);
    assert.deepEqual(rotating.kids, ['k2', 'k0']);
    assert.equal(rotating.readAccess(access).kid, 'k0');
    assert.equal(rotating.readRefresh(refresh).sid, 's1');
    assert.equal(rotating.readAccess(rotating.access(SESSION, true)).kid, 'k2');

    rotating.useKeys([NEW_KEY]);
    assert.throws(() => rotating.readAccess(access), refused);
    assert.throws(() => rotating.readRefresh(refresh), refused);
  });

  it('throws for an empty list, and is unaffected by changes to the original list', () => {
    const keys = [OLD_KEY];
    const kept = tokensAt(T * 1000, {}, keys);
    assert.throws(() => kept.useKeys([]), TypeError);
    keys.unshift(NEW_KEY);
    assert.deepEqual(kept.kids, ['k0']);
  });
});

describe('Tokens.readAccess of a token that was verified before', () => {
  it('returns the same object every time', () => {
    const token = tokens.access(SESSION, true);
    assert.equal(tokens.readAccess(token), tokens.readAccess(token));
  });

  it('reads the clock every time', () => {
    let ms = T * 1000;
    const moving = new Tokens([KEY], { ...SETTINGS, leewayMs: 10_000 }, () => ms);
    const token = moving.access(SESSION, true);
    const says = (message: string) => assert.throws(() => moving.readAccess(token), { message });
    moving.readAccess(token);
    ms = (T + 310) * 1000 - 1;
    moving.readAccess(token);
    ms = (T + 310) * 1000;
    says('Signature has expired');
    ms = (T - 11) * 1000;
    says('The token is not yet valid (nbf)');
    ms = T * 1000;
    moving.readAccess(token);
  });

  it('trusts no other token that shares most of its text', () => {
    const token = tokens.access(SESSION, true);
    tokens.readAccess(token);
    for (let at = 0; at < token.length; at++) {
      const other = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      assert.throws(() => tokens.readAccess(other), { name: 'JwtError' }, `character ${at}`);
    }
    const [head, , signature] = token.split('.');
    const payload = Buffer.from('{"identity":1}').toString('base64url');
    assert.throws(() => tokens.readAccess(`${head}.${payload}.${signature}`), { name: 'JwtError' });
  });

  it('never lets it pass as a refresh token', () => {
    const token = tokens.access(SESSION, true);
    tokens.readAccess(token);
    assert.throws(() => tokens.readRefresh(token), { message: 'This is not a refresh token' });
  });
});
