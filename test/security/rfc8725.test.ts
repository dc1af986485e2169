// RFC 8725, JSON Web Token Best Current Practices: what its chapter 3 asks for, against the running server. Each forged
// token is signed with the server's own key where it can be, so that what refuses it is the practice it is about.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { createApp } from '../../src/app.ts';
import { keysFromSecrets } from '../../src/auth/keys.ts';
import { type Forgery, forge, seal } from '../support/cases/forge.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { assertUnauthorized, partsOf } from '../support/server/answers.ts';
import { createPerson } from '../support/server/person.ts';
import { startServer } from '../support/server/server.ts';

const SECRET = 'a secret of 32 bytes or even more';
const OTHER_SECRET = 'another one of 32 bytes or more..';
const BAD_ALGORITHM = 'The specified alg value is not allowed';
const BAD_SIGNATURE = 'Signature verification failed';

async function startSigned(t: TestContext) {
  const server = await startServer(t, { JWT_SECRET_KEY: `${SECRET},${OTHER_SECRET}` });
  const matt = await createPerson(server, 'matt');
  const ask = (token: string) => server.call('GET', '/auth', { token });
  const refresh = (refresh_token: string) =>
    server.call('POST', '/auth/refresh', { json: { refresh_token } });
  const change = (changes: Omit<Forgery, 'secret'>) => forge(matt.access, { secret: SECRET, ...changes });
  // The twin of every refusal below: forged without a change, the token is the server's own to the letter.
  assert.equal(change({}), matt.access);
  assert.equal((await ask(matt.access)).status, 200);
  const refuses = async (token: string, description: string) =>
    assertUnauthorized(await ask(token), 'Invalid token', description);
  return { server, matt, ask, refresh, change, refuses };
}

describe('RFC 8725 over HTTP', () => {
  it('§3.1: a token cannot choose its algorithm', async (t) => {
    const { matt, change, refuses } = await startSigned(t);
    const unsigned = change({ header: { alg: 'none' } }).replace(/[^.]+$/, '');
    await refuses(unsigned, BAD_ALGORITHM);
    for (const alg of ['none', 'None', 'hs256', 'HS512', 'RS256', 'ES256', '', null, ['HS256'], undefined]) {
      await refuses(change({ header: { alg } }), BAD_ALGORITHM);
    }
    await refuses(matt.access.replace(/[^.]+$/, ''), BAD_SIGNATURE);
  });

  it('§3.2: every token is signed with HS256, and no other digest passes for it', async (t) => {
    const { matt, change, refuses } = await startSigned(t);
    for (const token of [matt.access, matt.refresh]) assert.equal(partsOf(token).header.alg, 'HS256');
    for (const digest of ['md5', 'sha1', 'sha384', 'sha512']) {
      await refuses(change({ digest }), BAD_SIGNATURE);
    }
  });

  it('§3.3: one wrong bit anywhere makes the whole token worthless', async (t) => {
    const { matt, ask } = await startSigned(t);
    const bytes = Buffer.from(matt.access);
    for (let index = 0; index < bytes.length; index += 7) {
      const changed = Buffer.from(bytes);
      changed[index] = (bytes[index] ?? 0) ^ 1;
      const answer = await ask(changed.toString('latin1'));
      assert.equal(answer.status, 401, `byte ${index}: ${answer.text}`);
    }
  });

  it('§3.5: in production no secret is shorter than 32 bytes, and the ones it makes are random', async (t) => {
    const settings = { NODE_ENV: 'production', DATABASE_URL: 'memory:' };
    for (const JWT_SECRET_KEY of ['x'.repeat(31), `${SECRET},short`]) {
      assert.throws(() => createApp({ settings: { ...settings, JWT_SECRET_KEY } }), {
        code: 'validation_failed',
      });
    }
    createApp({ settings: { ...settings, JWT_SECRET_KEY: SECRET } });
    const made = await Promise.all([1, 2].map(() => madeSecret(t)));
    for (const secret of made) assert.equal(secret.length, 32);
    assert.notDeepEqual(made[0], made[1]);
  });

  it('§3.7: header and claims are UTF-8 and nothing else', async (t) => {
    const { matt, refuses } = await startSigned(t);
    const [header, payload] = Object.values(partsOf(matt.access)).map((part) => JSON.stringify(part)) as [
      string,
      string,
    ];
    assert.equal(seal([header, payload], SECRET), matt.access);
    for (const encoding of ['utf16le', 'latin1'] as const) {
      const other = payload.replace('{', '{"é":1,');
      await refuses(seal([header, Buffer.from(other, encoding)], SECRET), 'The payload is not JSON in UTF-8');
      await refuses(
        seal([Buffer.from(header.replace('{', '{"é":1,'), encoding), payload], SECRET),
        'The header is not JSON in UTF-8',
      );
    }
    await refuses(seal([`\ufeff${header}`, payload], SECRET), 'The header is not JSON in UTF-8');
  });

  it('§3.8: a token that names an issuer or a subject is not one of this server', async (t) => {
    const { matt, change, refresh, refuses } = await startSigned(t);
    for (const name of ['iss', 'sub']) {
      await refuses(change({ claims: { [name]: '1' } }), `The "${name}" claim is not one of this server's`);
    }
    const foreign = forge(matt.refresh, { secret: SECRET, claims: { iss: 'https://jot.example' } });
    assert.equal((await refresh(foreign)).status, 401);
    assert.equal((await refresh(matt.refresh)).status, 200);
  });

  it('§3.9: a token for an audience is meant for somebody else', async (t) => {
    const { change, refuses } = await startSigned(t);
    for (const aud of ['https://other.example', ['jot'], [], null]) {
      await refuses(change({ claims: { aud } }), 'The "aud" claim is not one of this server\'s');
    }
  });

  it('§3.10: a key id only selects among the own keys, and nobody follows an address in a token', async (t) => {
    const { ask, change, refuses } = await startSigned(t);
    const [, other] = keysFromSecrets([SECRET, OTHER_SECRET]);
    for (const kid of ['../../etc/passwd', "' OR 1=1 --", '', null, 1, {}, '__proto__', other?.kid]) {
      await refuses(change({ header: { kid } }), BAD_SIGNATURE);
    }
    const visits: string[] = [];
    const trap = createServer((request, response) => {
      visits.push(request.url ?? '');
      response.end('{"keys":[]}');
    });
    t.after(() => trap.close());
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
    const { port } = Object(trap.address());
    const url = `http://127.0.0.1:${port}/keys`;
    const jwk = { kty: 'oct', k: Buffer.from('the own key of an attacker').toString('base64url') };
    const header = { jku: url, x5u: url, jwk };
    await refuses(forge(change({ header }), { secret: 'the own key of an attacker' }), BAD_SIGNATURE);
    assert.equal((await ask(change({ header }))).status, 200);
    assert.deepEqual(visits, []);
    await fetch(url);
    assert.deepEqual(visits, ['/keys']);
  });

  it('§3.11: each token says of which kind it is, and is believed to be no other', async (t) => {
    const { matt, change, refuses } = await startSigned(t);
    assert.equal(partsOf(matt.access).header.typ, 'JWT');
    assert.equal(partsOf(matt.refresh).header.typ, 'refresh+jwt');
    for (const typ of ['refresh+jwt', 'jwt', 'at+jwt', 'secevent+jwt', undefined, null]) {
      await refuses(change({ header: { typ } }), 'This is not an access token');
    }
  });

  it('§3.12: neither kind of token passes for the other', async (t) => {
    const { matt, refresh, refuses } = await startSigned(t);
    await refuses(matt.refresh, 'This is not an access token');
    assertUnauthorized(await refresh(matt.access), 'Invalid token', 'This is not a refresh token');
    assert.equal((await refresh(matt.refresh)).status, 200);
  });
});

/** The secret that a server without one makes for itself. */
async function madeSecret(t: TestContext): Promise<Buffer> {
  const folder = temporaryFolder(t);
  const server = await startServer(t, { DATABASE_URL: `file:${folder}/jot.jsonl` });
  await server.close();
  const { keys } = JSON.parse(readFileSync(`${folder}/jot.keys.json`, 'utf8'));
  return Buffer.from(keys[0].secret, 'base64url');
}
