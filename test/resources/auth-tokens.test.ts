// What a request without a good token is told: the table of 401s, each row over the wire.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { sign } from '../../src/auth/jwt.ts';
import { keysFromSecrets } from '../../src/auth/keys.ts';
import { assertUnauthorized, partsOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { START_MS, startServer } from '../support/server/server.ts';

const SECRETS = ['a first secret of 32 bytes or more', 'another one of 32 bytes or more..'];
const [FIRST, SECOND] = keysFromSecrets(SECRETS) as [Key, Key];
const NOW = START_MS / 1000;

type Key = ReturnType<typeof keysFromSecrets>[number];

/** What a token can be forged from: a good one and its claims. */
interface Good {
  readonly token: string;
  readonly refresh: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

type Row = readonly [reason: string, header: (good: Good) => string, error: string, description: string];

function startWithSecrets(t: TestContext) {
  return startServer(t, { JWT_SECRET_KEY: SECRETS.join(',') });
}

// By hand, since `sign` refuses to make most of these.
function forge(header: string, payload: string, { secret } = FIRST): string {
  const signed = [header, payload].map((part) => Buffer.from(part).toString('base64url')).join('.');
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

const HEADER = `{"typ":"JWT","alg":"HS256","kid":"${FIRST.kid}"}`;

/** The good token's claims with a change; undefined removes one. */
function withClaims(change: Readonly<Record<string, unknown>>) {
  return ({ claims }: Good) => `JWT ${forge(HEADER, JSON.stringify({ ...claims, ...change }))}`;
}

// JSON.stringify would write null for what is no finite number.
function withRawClaim(name: string, raw: string) {
  return ({ claims }: Good) => {
    const payload = JSON.stringify({ ...claims, [name]: 'RAW' }).replace('"RAW"', raw);
    return `JWT ${forge(HEADER, payload)}`;
  };
}

function withHeader(header: string) {
  return ({ claims }: Good) => `JWT ${forge(header, JSON.stringify(claims))}`;
}

/** One segment of the good token, changed. */
function withSegment(index: number, change: (segment: string) => string) {
  return ({ token }: Good) =>
    `JWT ${token
      .split('.')
      .with(index, change(token.split('.')[index] ?? ''))
      .join('.')}`;
}

const notCanonical = (name: string) => `The ${name} is not canonical base64url`;
const missing = (name: string) => `Token is missing the "${name}" claim`;
const badAlg = 'The specified alg value is not allowed';
const badSignature = 'Signature verification failed';

const headerRows: readonly Row[] = [
  [
    'a header with nothing in it',
    () => '',
    'Authorization Required',
    'Request does not contain an access token',
  ],
  ['another scheme', () => 'Basic bWF0dDpmb28=', 'Invalid JWT header', 'Unsupported authorization type'],
  ['a token without a scheme', ({ token }) => token, 'Invalid JWT header', 'Unsupported authorization type'],
  [
    'no space behind the scheme',
    ({ token }) => `JWT${token}`,
    'Invalid JWT header',
    'Unsupported authorization type',
  ],
  ['the scheme alone', () => 'JWT', 'Invalid JWT header', 'Token missing'],
  ['the scheme and white space', () => 'bearer  ', 'Invalid JWT header', 'Token missing'],
  ['more than one part', ({ token }) => `JWT ${token} x`, 'Invalid JWT header', 'Token contains spaces'],
];

const formRows: readonly Row[] = [
  ['one segment', () => 'JWT abc', 'Invalid token', 'Not enough segments'],
  [
    'two segments',
    ({ token }) => `JWT ${token.split('.').slice(0, 2).join('.')}`,
    'Invalid token',
    'Not enough segments',
  ],
  ['four segments', ({ token }) => `JWT ${token}.x`, 'Invalid token', 'Too many segments'],
  ['over 8 KiB', () => `JWT ${'a'.repeat(8193)}`, 'Invalid token', 'Token is longer than 8192 characters'],
  ['padding', withSegment(2, (text) => `${text}=`), 'Invalid token', notCanonical('signature')],
  [
    'an alphabet with +',
    withSegment(1, (text) => `+${text.slice(1)}`),
    'Invalid token',
    notCanonical('payload'),
  ],
  [
    'an alphabet with /',
    withSegment(0, (text) => `/${text.slice(1)}`),
    'Invalid token',
    notCanonical('header'),
  ],
  ['junk', withSegment(1, (text) => `${text}!`), 'Invalid token', notCanonical('payload')],
  // A signature of 32 bytes leaves two bits of its last character over; `B` differs from `A` in them alone.
  [
    'stray trailing bits',
    withSegment(2, (text) => `${text.slice(0, -1)}B`),
    'Invalid token',
    notCanonical('signature'),
  ],
  ['a header that is no JSON', withHeader('{'), 'Invalid token', 'The header is not JSON in UTF-8'],
  ['a header that is no object', withHeader('[]'), 'Invalid token', 'The header is not a JSON object'],
  [
    'a header that is not UTF-8',
    ({ token }) =>
      `JWT ${Buffer.from([0x22, 0xff, 0x22]).toString('base64url')}.${token.split('.').slice(1).join('.')}`,
    'Invalid token',
    'The header is not JSON in UTF-8',
  ],
  [
    'a payload that is no object',
    () => `JWT ${forge(HEADER, '1')}`,
    'Invalid token',
    'The payload is not a JSON object',
  ],
];

const headerParameterRows: readonly Row[] = [
  ['alg none', withHeader('{"typ":"JWT","alg":"none"}'), 'Invalid token', badAlg],
  [
    'alg none without a signature',
    ({ claims }) => `JWT ${forge('{"alg":"none"}', JSON.stringify(claims)).replace(/[^.]*$/, '')}`,
    'Invalid token',
    badAlg,
  ],
  ['alg HS384', withHeader('{"typ":"JWT","alg":"HS384"}'), 'Invalid token', badAlg],
  ['alg RS256', withHeader('{"typ":"JWT","alg":"RS256"}'), 'Invalid token', badAlg],
  ['alg hs256', withHeader('{"typ":"JWT","alg":"hs256"}'), 'Invalid token', badAlg],
  ['no alg', withHeader('{"typ":"JWT"}'), 'Invalid token', badAlg],
  [
    'crit',
    withHeader('{"alg":"HS256","crit":["exp"]}'),
    'Invalid token',
    'The "crit" header parameter is not supported',
  ],
  [
    'an empty crit',
    withHeader('{"alg":"HS256","crit":[]}'),
    'Invalid token',
    'The "crit" header parameter is not supported',
  ],
  [
    'b64',
    withHeader('{"alg":"HS256","b64":true}'),
    'Invalid token',
    'The "b64" header parameter is not supported',
  ],
  [
    "somebody else's key",
    ({ claims }) => `JWT ${sign(claims, { kid: FIRST.kid, secret: 'x'.repeat(32) })}`,
    'Invalid token',
    badSignature,
  ],
  [
    'no kid, although every key has one',
    withHeader('{"typ":"JWT","alg":"HS256"}'),
    'Invalid token',
    'Signature verification failed',
  ],
  [
    'an unknown kid',
    withHeader('{"typ":"JWT","alg":"HS256","kid":"unknown"}'),
    'Invalid token',
    badSignature,
  ],
  [
    "another of the server's keys than kid names",
    ({ claims }) => `JWT ${forge(HEADER, JSON.stringify(claims), SECOND)}`,
    'Invalid token',
    badSignature,
  ],
  [
    'a changed payload',
    withSegment(1, () => Buffer.from('{"identity":2}').toString('base64url')),
    'Invalid token',
    badSignature,
  ],
];

const claimRows: readonly Row[] = [
  ['past exp', withClaims({ exp: NOW - 10 }), 'Invalid token', 'Signature has expired'],
  ['before nbf', withClaims({ nbf: NOW + 11 }), 'Invalid token', 'The token is not yet valid (nbf)'],
  ['before iat', withClaims({ iat: NOW + 11 }), 'Invalid token', 'The token is not yet valid (iat)'],
  ...['exp', 'iat', 'nbf'].flatMap((name): Row[] => [
    [`no ${name}`, withClaims({ [name]: undefined }), 'Invalid token', missing(name)],
    [`${name} as text`, withClaims({ [name]: '9e9' }), 'Invalid token', missing(name)],
    [`${name} null`, withClaims({ [name]: null }), 'Invalid token', missing(name)],
    [`${name} infinite`, withRawClaim(name, '1e400'), 'Invalid token', missing(name)],
  ]),
  ['no identity', withClaims({ identity: undefined }), 'Invalid token', missing('identity')],
  ['identity as text', withClaims({ identity: '1' }), 'Invalid token', missing('identity')],
  ['identity 0', withClaims({ identity: 0 }), 'Invalid token', missing('identity')],
  ['identity with a fraction', withClaims({ identity: 1.5 }), 'Invalid token', missing('identity')],
  [
    'identity past 2^53 - 1',
    withRawClaim('identity', '9007199254740993'),
    'Invalid token',
    missing('identity'),
  ],
  ['no sid', withClaims({ sid: undefined }), 'Invalid token', missing('sid')],
  ['sid as a number', withClaims({ sid: 1 }), 'Invalid token', missing('sid')],
  ['a user who is not there', withClaims({ identity: 99 }), 'Invalid JWT', 'User does not exist'],
  [
    'a user who is not there, and no session',
    withClaims({ identity: 99, sid: 'x' }),
    'Invalid JWT',
    'User does not exist',
  ],
  ['a session that is not there', withClaims({ sid: 'x' }), 'Invalid token', 'Token has been revoked'],
  ['a refresh token', ({ refresh }) => `JWT ${refresh}`, 'Invalid token', 'This is not an access token'],
];

const goodRows: readonly (readonly [reason: string, header: (good: Good) => string])[] = [
  ['the token itself', ({ token }) => `JWT ${token}`],
  ['Bearer', ({ token }) => `Bearer ${token}`],
  ['a scheme in lower case', ({ token }) => `jwt ${token}`],
  ['a scheme in mixed case', ({ token }) => `bEARER ${token}`],
  ['more white space', ({ token }) => `JWT  ${token}`],
  ['dates with fractions', withClaims({ exp: NOW + 0.5, iat: NOW - 0.5, nbf: NOW - 0.25 })],
  ['a moment inside the leeway behind exp', withClaims({ exp: NOW - 9.999 })],
  ['the first moment of the leeway before nbf', withClaims({ nbf: NOW + 10 })],
  ['the first moment of the leeway before iat', withClaims({ iat: NOW + 10 })],
  ['the second key', ({ claims }) => `JWT ${sign(claims, SECOND)}`],
  [
    'a jku, a jwk and an x5u, which are ignored',
    withHeader(`${HEADER.slice(0, -1)},"jku":"https://evil.example","jwk":{},"x5u":"https://evil.example"}`),
  ],
];

describe('Authorization', () => {
  it('is refused with a challenge if the header is absent', async (t) => {
    const { call } = await startServer(t);
    const description = 'Request does not contain an access token';
    assertUnauthorized(await call('GET', '/auth'), 'Authorization Required', description);
  });

  // One server for all rows: none of them changes anything.
  it('is refused, row by row, with the message of the table', async (t) => {
    const server = await startWithSecrets(t);
    const { access: token, refresh } = await createPerson(server, 'matt');
    await server.signUp('elie');
    const good = { token, refresh, claims: partsOf(token).payload };
    for (const [reason, headerFrom, error, description] of [
      ...headerRows,
      ...formRows,
      ...headerParameterRows,
      ...claimRows,
    ]) {
      await t.test(reason, async () => {
        const Authorization = headerFrom(good);
        assertUnauthorized(
          await server.call('GET', '/auth', { headers: { Authorization } }),
          error,
          description,
        );
      });
    }
    for (const [reason, headerFrom] of goodRows) {
      await t.test(`is answered with ${reason}`, async () => {
        const Authorization = headerFrom(good);
        const { status, json } = await server.call('GET', '/auth', { headers: { Authorization } });
        assert.equal(status, 200, JSON.stringify(json));
        assert.equal(json.username, 'matt');
      });
    }
  });

  it("is refused with another user's session", async (t) => {
    const server = await startWithSecrets(t);
    const matt = await createPerson(server, 'matt');
    const elie = await createPerson(server, 'elie');
    const { sid } = partsOf(elie.access).payload;
    const token = sign({ ...partsOf(matt.access).payload, sid }, FIRST);
    assertUnauthorized(
      await server.call('GET', '/auth', { token }),
      'Invalid token',
      'Token has been revoked',
    );
  });

  it('is refused after the session ended', async (t) => {
    const server = await startServer(t);
    const matt = await createPerson(server, 'matt');
    await matt.call('POST', '/auth/logout');
    assertUnauthorized(await matt.call('GET', '/auth'), 'Invalid token', 'Token has been revoked');
  });

  it('is refused with a token of a server with another key', async (t) => {
    const [one, other] = [await startServer(t), await startServer(t)];
    const matt = await createPerson(one, 'matt');
    await createPerson(other, 'matt');
    assertUnauthorized(
      await other.call('GET', '/auth', { token: matt.access }),
      'Invalid token',
      badSignature,
    );
  });
});
