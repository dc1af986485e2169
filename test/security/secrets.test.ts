// The whole life of a user whose secrets can be recognised, with every mistake that people make with secrets: they are in
// no answer that they don't belong in, in no line of the log, and not in the metrics, however they are written.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { formsOf } from '../support/cases/secret-forms.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import {
  type Answer,
  type CallOptions,
  sendRaw,
  startServer,
  type TestServer,
} from '../support/server/server.ts';

const PASSWORD = 'Pass 4711 wörd/"+?';
const NEXT_PASSWORD = 'next-4711-password';
const JWT_SECRET_KEY = 'jwt-4711-secret-of-thirty-two-bytes';
const METRICS_TOKEN = 'metrics-4711-token';
const USER_AGENT = 'agent-4711-of-its-user';

/** Something the server said, and which secrets belong there. */
interface Heard {
  readonly what: string;
  readonly text: string;
  readonly belong: readonly string[];
}

/** A server that tells all that it ever tells, and everything it has said. */
async function startTalkative(t: TestContext, LOG: string) {
  const folder = temporaryFolder(t);
  const settings = { DATABASE_URL: `file:${folder}/jot.jsonl`, EXPLAIN: 'on', RATE_LIMIT: '600/m' };
  const server = await startServer(t, { ...settings, LOG, JWT_SECRET_KEY, METRICS_TOKEN });
  const said: Heard[] = [];
  const ask = async (method: string, path: string, options: CallOptions = {}, belong: string[] = []) => {
    const answer = await server.call(method, path, options);
    said.push({ what: `${method} ${path}`, text: textOf(answer), belong });
    return answer;
  };
  const askRaw = async (...lines: string[]) => {
    const text = await sendRaw(server.port, [...lines, 'Connection: close', '', ''].join('\r\n'));
    said.push({ what: lines.join(), text, belong: [] });
  };
  return { server, said, ask, askRaw, dataFile: `${folder}/jot.jsonl` };
}

type Talkative = Awaited<ReturnType<typeof startTalkative>>;

function textOf({ headers, text }: Answer): string {
  return `${JSON.stringify(headers)}\n${text}`;
}

/** The parts of a token that are its own. */
function partsOf(token: string): string[] {
  return token.split('.').slice(1);
}

/** Signs up, in, on and out, and changes the password. @returns every token there was. */
async function live({ server, said, ask }: Talkative): Promise<string[]> {
  const headers = { 'User-Agent': USER_AGENT };
  const json = { username: 'matt', password: PASSWORD };
  await ask('POST', '/users', { json, headers });
  const tokens: string[] = [];
  const signIn = async (method: string, path: string, body: object) => {
    const answer = await server.call(method, path, { json: body, headers });
    const { access_token, refresh_token } = answer.json;
    tokens.push(access_token, refresh_token);
    const belong = [access_token, refresh_token].flatMap(partsOf);
    said.push({ what: `${method} ${path}`, text: textOf(answer), belong });
    return { token: access_token, refresh: refresh_token };
  };
  const first = await signIn('POST', '/auth', json);
  await ask('POST', '/auth', { json: { ...json, password: `${PASSWORD}.` } });
  const { token } = first;
  await ask('GET', '/auth/sessions', { token }, [USER_AGENT]);
  await ask('POST', '/users/1/posts', { token, json: { title: 'First', body: '' } });
  await ask('GET', '/users/1', { token });
  const { refresh } = await signIn('POST', '/auth/refresh', { refresh_token: first.refresh });
  await ask('PATCH', '/users/1', { token, json: { password: NEXT_PASSWORD } });
  server.clock.ms += 20_000;
  await ask('POST', '/auth/refresh', { json: { refresh_token: first.refresh } });
  await ask('POST', '/auth/refresh', { json: { refresh_token: refresh } });
  const last = await signIn('POST', '/auth', { ...json, password: NEXT_PASSWORD });
  await ask('POST', '/auth/logout', { token: last.token });
  await ask('GET', '/auth', { token: last.token });
  return tokens;
}

/** Puts secrets wherever they don't belong. */
async function misplace({ ask, askRaw }: Talkative, tokens: readonly string[]): Promise<void> {
  const [access = '', refresh = ''] = tokens;
  const json = { 'Content-Type': 'application/json' };
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const bodies = [
    [json, `{"username": "matt", "password": "${NEXT_PASSWORD}`],
    [json, `{"password": '${NEXT_PASSWORD}'}`],
    [json, `{"refresh_token": "${refresh}"} ${refresh}`],
    [json, NEXT_PASSWORD],
    [json, JSON.stringify([PASSWORD, refresh])],
    [json, JSON.stringify({ [PASSWORD]: refresh, username: NEXT_PASSWORD, password: 5 })],
    [json, `{"password": "${NEXT_PASSWORD}\\ud800"}`],
    [json, Buffer.from(`{"password": "${NEXT_PASSWORD}\xff"}`, 'latin1')],
    [form, `password=${NEXT_PASSWORD}&password=${access}`],
    [form, `password=${NEXT_PASSWORD}%zz`],
    [form, `refresh_token=${refresh}&refresh_token=${refresh}`],
    [{ 'Content-Type': `text/${NEXT_PASSWORD}` }, access],
    [{ 'Content-Type': `application/json; charset=${NEXT_PASSWORD}` }, access],
    [{ ...json, 'Content-Encoding': NEXT_PASSWORD }, access],
  ] as const;
  for (const [headers, body] of bodies) {
    for (const path of ['/auth', '/users', '/auth/refresh']) await ask('POST', path, { headers, body });
  }
  const basic = Buffer.from(`matt:${NEXT_PASSWORD}`).toString('base64');
  const typos = [
    access,
    `JWT${access}`,
    `JWT: ${access}`,
    `JWT "${access}"`,
    `JWT ${access} ${access}`,
    `Bearer ${refresh}`,
  ];
  for (const Authorization of [...typos, `Basic ${basic}`, `Bearer ${METRICS_TOKEN}x`, METRICS_TOKEN]) {
    for (const path of ['/auth', '/metrics']) await ask('GET', path, { headers: { Authorization } });
  }
  const names = [
    'X-Request-Id',
    'User-Agent',
    'Cookie',
    'Origin',
    'Referer',
    'If-Match',
    'If-None-Match',
    'Expect',
  ];
  for (const name of [...names, 'X-Forwarded-For', 'Accept', 'X-Api-Key']) {
    for (const secret of [access, `${NEXT_PASSWORD}!`]) {
      await ask('GET', '/users', { headers: { [name]: secret } });
      await ask('PATCH', '/users/1', { token: access, headers: { [name]: secret } });
    }
  }
  const query = new URLSearchParams({ token: access, limit: NEXT_PASSWORD, after: PASSWORD }).toString();
  for (const path of ['/users', '/auth', '/nothing', '/metrics']) await ask('GET', `${path}?${query}`);
  for (const path of [`/users/${access}`, `/auth/sessions/${refresh}`, `/%zz${access}`, `/${refresh}/x`]) {
    await ask('DELETE', path, { token: access });
  }
  await askRaw(`GET http://matt:${NEXT_PASSWORD}@localhost/users HTTP/1.1`, 'Host: localhost');
  await askRaw(`GET ${NEXT_PASSWORD} HTTP/1.1`, 'Host: localhost');
  await askRaw(`GET /users HTTP/1.1`, `Host: ${NEXT_PASSWORD}/${access}`);
  await askRaw(`GET /users HTTP/1.1`, 'Host: localhost', `Authorization JWT ${access}`);
  await askRaw(`${NEXT_PASSWORD} /users HTTP/1.1`, 'Host: localhost');
  await askRaw(
    `GET /auth HTTP/1.1`,
    'Host: a',
    `Authorization: JWT ${access}`,
    `Authorization: JWT ${refresh}`,
  );
  await askRaw(`POST /auth HTTP/1.1`, 'Host: a', `Transfer-Encoding: ${NEXT_PASSWORD}`);
}

function hashesIn(path: string): string[] {
  const found = readFileSync(path, 'utf8').matchAll(/"password_hash":"([^"]+)"/g);
  return [...found].flatMap(([, phc = '']) => phc.split('$').slice(-2));
}

function assertSecretFree(server: TestServer, said: readonly Heard[], secrets: readonly string[]): void {
  const all = [...said, ...server.log.map((text) => ({ what: 'the log', text, belong: [] }))];
  for (const secret of secrets) {
    const forms = formsOf(secret);
    for (const { what, text, belong } of all) {
      const form = belong.includes(secret) ? undefined : forms.find((each) => text.includes(each));
      assert.equal(form, undefined, `${what}: ${text}`);
    }
  }
}

describe('Secrets', () => {
  for (const LOG of ['json', 'text']) {
    it(`${LOG} log: are in no answer they don't belong in, no line of the log, and not in the metrics`, async (t) => {
      const talkative = await startTalkative(t, LOG);
      const { server, said, ask, dataFile } = talkative;
      const tokens = await live(talkative);
      await misplace(talkative, tokens);
      const metrics = await ask('GET', '/metrics', { headers: { Authorization: `Bearer ${METRICS_TOKEN}` } });
      assert.equal(metrics.status, 200);
      await ask('GET', '/openapi.json');
      const hashes = hashesIn(dataFile);
      await server.close();

      assert.equal(tokens.length, 6);
      assert.equal(hashes.length, 4);
      assert.ok(said.every(({ text }) => /server-timing/i.test(text)));
      const words = [PASSWORD, NEXT_PASSWORD, JWT_SECRET_KEY, METRICS_TOKEN, USER_AGENT];
      assertSecretFree(server, said, [...words, ...hashes, ...tokens.flatMap(partsOf)]);
    });
  }

  it('the search: finds a secret that is where it should not be, in every form', async (t) => {
    const { server } = await startTalkative(t, 'json');
    for (const secret of [PASSWORD, METRICS_TOKEN]) {
      const written = [
        ...['hex', 'base64', 'base64url'].map((encoding) =>
          Buffer.from(`matt:${secret}, and more`).toString(encoding as BufferEncoding),
        ),
        ...[`x=${encodeURIComponent(secret)}`, JSON.stringify({ secret }), `"${secret}"`],
      ];
      for (const text of written) {
        const said = [{ what: 'an answer', text, belong: [] }];
        assert.throws(() => assertSecretFree(server, said, [secret]), { code: 'ERR_ASSERTION' }, text);
        assertSecretFree(server, [{ what: 'an answer', text, belong: [secret] }], [secret]);
      }
    }
  });
});
