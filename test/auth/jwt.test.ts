import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JwtError, type Key, sign, type VerifyOptions, verify } from '../../src/auth/jwt.ts';

const SECRET = 'thirty-two bytes for the one key';
const OTHER_SECRET = 'thirty-two bytes for another key';
const T = 1_700_000_000;
const CLAIMS = { identity: 1, iat: T, nbf: T, exp: T + 300 };

const EXPIRED = 'Signature has expired';
const FORGED = 'Signature verification failed';
const TOO_LONG = 'Token is longer than 8192 characters';

function at(seconds: number): VerifyOptions {
  return { now: () => seconds * 1000 };
}

function refuses(token: string, keys: Key | readonly Key[], message: string, options = at(T)): void {
  assert.throws(() => verify(token, keys, options), { name: 'JwtError', message });
}

function encodedHeader(header: object): string {
  return Buffer.from(JSON.stringify(header)).toString('base64url');
}

function textOf(token: string, segment: number): string {
  return Buffer.from(token.split('.')[segment] ?? '', 'base64url').toString();
}

describe('sign and verify', () => {
  it('verify returns the claims and the header that sign wrote', () => {
    const { header, claims } = verify(sign(CLAIMS, SECRET, { cty: 'x' }), SECRET, at(T));
    assert.deepEqual(claims, CLAIMS);
    assert.deepEqual(header, { typ: 'JWT', alg: 'HS256', cty: 'x' });
  });

  it('a string key equals its UTF-8 bytes', () => {
    const bytes = Buffer.from('schlüssel, der lang genug ist', 'utf8');
    assert.equal(sign(CLAIMS, bytes.toString()), sign(CLAIMS, bytes));
    verify(sign(CLAIMS, bytes.toString()), new Uint8Array(bytes), at(T));
    refuses(sign(CLAIMS, bytes.toString()), Buffer.from(bytes.toString(), 'latin1'), FORGED);
  });

  it('text outside ASCII survives the round trip', () => {
    const name = 'Zoë 😀 \u2028 "quoted" \\ \ud800';
    assert.equal(verify(sign({ ...CLAIMS, name }, SECRET), SECRET, at(T)).claims.name, name);
  });

  it('verify reads the real clock by default', () => {
    verify(sign({ ...CLAIMS, exp: 9e9 }, SECRET), SECRET);
    refuses(sign(CLAIMS, SECRET), SECRET, EXPIRED, {});
  });
});

describe('verify with RFC 7515 appendix A.1', () => {
  const key = Buffer.from(
    'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
    'base64url',
  );
  const token = [
    'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9',
    'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ',
    'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  ].join('.');
  const exp = 1_300_819_380;
  const options = { now: () => exp * 1000 - 1, require: ['exp'] };

  it('accepts the token, whose header and payload contain line breaks', () => {
    assert.equal(textOf(token, 0), '{"typ":"JWT",\r\n "alg":"HS256"}');
    assert.deepEqual(verify(token, key, options), {
      header: { typ: 'JWT', alg: 'HS256' },
      claims: { iss: 'joe', exp, 'http://example.com/is_root': true },
    });
  });

  it('rejects it with one character of the signature changed', () => {
    refuses(token.replace('.dBj', '.eBj'), key, FORGED, options);
  });

  it('rejects it with any one character changed', () => {
    for (const [index, character] of Array.from(token).entries()) {
      const changed = token.slice(0, index) + (character === 'A' ? 'B' : 'A') + token.slice(index + 1);
      assert.throws(() => verify(changed, key, options), JwtError, `character ${index}`);
    }
  });

  it('rejects it a millisecond later, under another key, and if iat is required', () => {
    refuses(token, key, EXPIRED, { ...options, now: () => exp * 1000 });
    refuses(token, key.subarray(1), FORGED, options);
    refuses(token, key, 'Token is missing the "iat" claim', { now: options.now });
  });
});

describe('verify: exp, iat and nbf to the millisecond', () => {
  const NBF = 'The token is not yet valid (nbf)';
  const IAT = 'The token is not yet valid (iat)';
  const rows = [
    { claim: 'exp', leewaySeconds: 0, ms: -1, refused: null },
    { claim: 'exp', leewaySeconds: 0, ms: 0, refused: EXPIRED },
    { claim: 'exp', leewaySeconds: 0, ms: 1, refused: EXPIRED },
    { claim: 'exp', leewaySeconds: 10, ms: 9_999, refused: null },
    { claim: 'exp', leewaySeconds: 10, ms: 10_000, refused: EXPIRED },
    { claim: 'exp', leewaySeconds: 10, ms: 10_001, refused: EXPIRED },
    { claim: 'exp', leewaySeconds: 0.25, ms: 249, refused: null },
    { claim: 'exp', leewaySeconds: 0.25, ms: 250, refused: EXPIRED },
    { claim: 'nbf', leewaySeconds: 0, ms: -1, refused: NBF },
    { claim: 'nbf', leewaySeconds: 0, ms: 0, refused: null },
    { claim: 'nbf', leewaySeconds: 0, ms: 1, refused: null },
    { claim: 'nbf', leewaySeconds: 10, ms: -10_001, refused: NBF },
    { claim: 'nbf', leewaySeconds: 10, ms: -10_000, refused: null },
    { claim: 'nbf', leewaySeconds: 10, ms: -9_999, refused: null },
    { claim: 'iat', leewaySeconds: 0, ms: -1, refused: IAT },
    { claim: 'iat', leewaySeconds: 0, ms: 0, refused: null },
    { claim: 'iat', leewaySeconds: 0, ms: 1, refused: null },
    { claim: 'iat', leewaySeconds: 10, ms: -10_001, refused: IAT },
    { claim: 'iat', leewaySeconds: 10, ms: -10_000, refused: null },
    { claim: 'iat', leewaySeconds: 10, ms: -9_999, refused: null },
  ];
  for (const { claim, leewaySeconds, ms, refused } of rows) {
    for (const seconds of [T, T + 0.5]) {
      it(`${refused ? 'rejects' : 'accepts'} ${claim} ${seconds}, ${ms} ms from it, leeway ${leewaySeconds} s`, () => {
        const token = sign({ [claim]: seconds }, SECRET);
        const options = { now: () => seconds * 1000 + ms, leewaySeconds, require: [] };
        if (refused === null) verify(token, SECRET, options);
        else refuses(token, SECRET, refused, options);
      });
    }
  }

  it('throws if leewaySeconds is not a number, instead of comparing with it', () => {
    const options = { ...at(T), leewaySeconds: Number.NaN };
    refuses(sign({ iat: T, nbf: T, exp: T + 9 }, SECRET), SECRET, EXPIRED, options);
  });

  it('reports exp before nbf before iat if all three are wrong', () => {
    refuses(sign({ iat: T + 2, nbf: T + 1, exp: T }, SECRET), SECRET, EXPIRED);
    refuses(sign({ iat: T + 2, nbf: T + 1, exp: T + 9 }, SECRET), SECRET, NBF);
  });
});

describe('verify with the option require', () => {
  for (const claim of ['exp', 'iat', 'nbf']) {
    it(`requires ${claim} by default`, () => {
      refuses(
        sign({ ...CLAIMS, [claim]: undefined }, SECRET),
        SECRET,
        `Token is missing the "${claim}" claim`,
      );
      verify(sign(CLAIMS, SECRET), SECRET, at(T));
    });
  }

  it('requires no claim for an empty list', () => {
    assert.deepEqual(verify(sign({}, SECRET), SECRET, { require: [] }).claims, {});
  });

  it('requires the listed claims, and no other', () => {
    verify(sign({ jti: 'x' }, SECRET), SECRET, { require: ['jti'] });
    refuses(sign({ exp: 9e9 }, SECRET), SECRET, 'Token is missing the "jti" claim', { require: ['jti'] });
  });

  it('does not count an inherited property as a claim', () => {
    const options = { require: ['constructor'] };
    refuses(sign({}, SECRET), SECRET, 'Token is missing the "constructor" claim', options);
    verify(sign({ constructor: 'x' }, SECRET), SECRET, options);
  });
});

describe('verify with several keys', () => {
  const k1 = { kid: 'k1', secret: SECRET };
  const k2 = { kid: 'k2', secret: OTHER_SECRET };
  const both = [k1, k2];
  type Case = [token: string, keys: Key | readonly Key[]];
  const accepted: Readonly<Record<string, Case>> = {
    'the kid of the first key': [sign(CLAIMS, k1), both],
    'the kid of the second key': [sign(CLAIMS, k2), both],
    'no kid, from a key without one': [sign(CLAIMS, OTHER_SECRET), [k1, OTHER_SECRET]],
    'a kid, from a key without one': [sign(CLAIMS, k2), [k1, OTHER_SECRET]],
    'a kid that two keys share, from the second': [sign(CLAIMS, k1), [{ ...k2, kid: 'k1' }, k1]],
    'an empty kid that a key has': [sign(CLAIMS, { ...k1, kid: '' }), [{ ...k1, kid: '' }]],
    'a kid that is no text, where no key has one': [sign(CLAIMS, SECRET, { kid: 7 }), SECRET],
  };
  const refused: Readonly<Record<string, Case>> = {
    'a kid whose key was removed': [sign(CLAIMS, k2), [k1]],
    'an unknown kid': [sign(CLAIMS, SECRET, { kid: 'k9' }), both],
    'another key’s kid': [sign(CLAIMS, SECRET, { kid: 'k2' }), both],
    'no kid, from a key with one': [sign(CLAIMS, OTHER_SECRET), both],
    'no kid, from neither key': [sign(CLAIMS, 'a third one'), [SECRET, OTHER_SECRET]],
    'a kid, where a key without one has not signed': [sign(CLAIMS, k1), [OTHER_SECRET]],
    'a good signature, without any key': [sign(CLAIMS, k1), []],
  };
  for (const [reason, [token, keys]] of Object.entries(accepted)) {
    it(`accepts a token with ${reason}`, () => assert.deepEqual(verify(token, keys, at(T)).claims, CLAIMS));
  }
  for (const [reason, [token, keys]] of Object.entries(refused)) {
    it(`rejects a token with ${reason}`, () => refuses(token, keys, FORGED));
  }

  it('accepts ten keys, and throws a TypeError for an eleventh, whatever the token', () => {
    const keys = Array.from({ length: 11 }, (_, index) => ({ kid: `k${index}`, secret: SECRET }));
    verify(sign(CLAIMS, { kid: 'k9', secret: SECRET }), keys.slice(0, 10), at(T));
    const message = 'Cannot verify a token: at most 10 keys are possible; got 11';
    for (const token of [sign(CLAIMS, { kid: 'k9', secret: SECRET }), '']) {
      assert.throws(() => verify(token, keys, at(T)), { name: 'TypeError', message });
    }
  });
});

describe('sign', () => {
  it('writes typ, alg and kid in this order, and the claims in their own', () => {
    const token = sign({ identity: 1, exp: 2 }, { kid: 'k1', secret: SECRET });
    assert.equal(textOf(token, 0), '{"typ":"JWT","alg":"HS256","kid":"k1"}');
    assert.equal(textOf(token, 1), '{"identity":1,"exp":2}');
    assert.equal(textOf(sign({}, SECRET), 0), '{"typ":"JWT","alg":"HS256"}');
  });

  it('accepts another typ', () => {
    assert.equal(textOf(sign({}, SECRET, { typ: 'at+jwt' }), 0), '{"typ":"at+jwt","alg":"HS256"}');
  });

  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '9e9', null, true, [T], new Date(0), 1n]) {
    for (const name of ['exp', 'iat', 'nbf']) {
      it(`throws for ${name} given as ${typeof value} ${value}`, () => {
        const message = `The "${name}" claim must be a finite number`;
        assert.throws(() => sign({ ...CLAIMS, [name]: value }, SECRET), { name: 'JwtError', message });
      });
    }
  }

  it('accepts dates that are fractions, negative, zero or absent', () => {
    for (const exp of [T + 0.5, -1, 0, undefined]) sign({ exp }, SECRET);
  });

  const key = { kid: 'k1', secret: SECRET };
  const WRONG_ALG = 'The specified alg value is not allowed';
  const WRONG_KID = 'The "kid" comes from the key';
  const headers = [
    { reason: 'an alg it does not make', header: { alg: 'none' }, message: WRONG_ALG },
    { reason: 'its alg taken away', header: { alg: undefined }, message: WRONG_ALG },
    { reason: 'crit', header: { crit: ['x'] }, message: 'The "crit" header parameter is not supported' },
    { reason: 'b64', header: { b64: false }, message: 'The "b64" header parameter is not supported' },
    { reason: 'a kid that is not the key’s', header: { kid: 'k2' }, message: WRONG_KID },
    { reason: 'its kid taken away', header: { kid: undefined }, message: WRONG_KID },
  ];
  for (const { reason, header, message } of headers) {
    it(`throws for a header with ${reason}`, () => {
      assert.throws(() => sign(CLAIMS, key, header), { name: 'JwtError', message });
    });
  }

  it('accepts a header that repeats its defaults', () => {
    assert.equal(sign(CLAIMS, key, { alg: 'HS256', kid: 'k1' }), sign(CLAIMS, key));
  });

  it('returns a token of 8,192 characters, which verify accepts, and throws at 8,193', () => {
    // 36 characters of header, 43 of signature and 2 dots leave 8,111 for the payload: 6,083 bytes.
    const longest = { pad: 'x'.repeat(6083 - '{"pad":""}'.length) };
    const token = sign(longest, SECRET);
    assert.equal(token.length, 8192);
    assert.deepEqual(verify(token, SECRET, { require: [] }).claims, longest);
    assert.throws(() => sign({ pad: `${longest.pad}x` }, SECRET), { name: 'JwtError', message: TOO_LONG });
  });
});

describe('sign and verify with an empty key', () => {
  for (const key of ['', new Uint8Array(0), { kid: 'k1', secret: '' }]) {
    it(`throw for ${JSON.stringify(key)}`, () => {
      assert.throws(() => sign(CLAIMS, key), TypeError);
      assert.throws(() => verify(sign(CLAIMS, SECRET), [SECRET, key], at(T)), TypeError);
    });
  }
});

describe('JwtError.code', () => {
  const rejected = [
    ['malformed', 'a.b', CLAIMS.iat],
    ['algorithm', sign(CLAIMS, SECRET).replace(/^[^.]+/, encodedHeader({ alg: 'none' })), CLAIMS.iat],
    ['signature', sign(CLAIMS, OTHER_SECRET), CLAIMS.iat],
    ['expired', sign(CLAIMS, SECRET), CLAIMS.exp],
    ['not_yet_valid', sign(CLAIMS, SECRET), CLAIMS.nbf - 1],
    ['claim', sign({}, SECRET), CLAIMS.iat],
  ] as const;
  for (const [code, token, seconds] of rejected) {
    it(`is ${code} for a token that verify rejects for that reason`, () => {
      assert.throws(() => verify(token, SECRET, at(seconds)), { name: 'JwtError', code });
    });
  }
});
