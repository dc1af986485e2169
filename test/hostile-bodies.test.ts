// Bodies that an attacker could send to POST /users/:id/posts. Each row states the result by the
// contract: a status, the fields that the error names, or the post that is stored. Nothing else is
// stored, the log has no errors, and the next request is served normally. Parsers have their own
// tests (http/json, http/form, http/media). Here, one row per rule shows that the server applies
// it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { temporaryFolder } from './support/disk/temporary-folder.ts';
import { seededRandom } from './support/model/random.ts';
import { assertHas } from './support/server/answers.ts';
import { createPerson, type Person } from './support/server/person.ts';
import { type Answer, startServer, type TestServer } from './support/server/server.ts';
import { Wire } from './support/server/wire.ts';

interface HostileBody {
  readonly reason: string;
  /** Default: `application/json`; null sends no `Content-Type`. */
  readonly type?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  /** The post that is created; absent if the body is rejected. */
  readonly post?: { readonly title: string; readonly body: string };
  /** The status if it is rejected; default 400. */
  readonly status?: number;
  /** The fields that the error names; absent if the body cannot be read at all. */
  readonly fields?: readonly string[];
}

/** Small, so that a body above the limit is quickly made. */
const BODY_BYTES_MAX = 4_096;
const MUTATIONS = 400;
const FORM = 'application/x-www-form-urlencoded';
const GOOD = '{"title":"a","body":"b"}';
const AB = { title: 'a', body: 'b' };
const NESTED = '{"title":"T \\u00e9 𝄞 \\\\","body":"b","x":[{"y":null}]}';

const withKey = (more: string) => `{"title":"a",${more},"body":"b"}`;
const titled = (json: string) => `{"title":${json},"body":"b"}`;
const arrays = (levels: number) => `"x":${'['.repeat(levels)}${']'.repeat(levels)}`;
const bytes = (before: string, middle: readonly number[], after: string) =>
  Buffer.concat([Buffer.from(before), Buffer.from(middle), Buffer.from(after)]);

const json: readonly HostileBody[] = [
  { reason: 'a byte that is never UTF-8', body: bytes('{"title":"', [0xff], '","body":""}') },
  { reason: 'the same in an unknown key', body: bytes('{"', [0xfe], '":1,"title":"a","body":"b"}') },
  { reason: 'a surrogate in UTF-8', body: bytes('{"title":"', [0xed, 0xa0, 0x80], '","body":""}') },
  { reason: 'a byte order mark', body: `\uFEFF${GOOD}` },
  { reason: 'UTF-16', body: Buffer.from(GOOD, 'utf16le') },
  { reason: 'a gzip file without its header', body: gzipSync(GOOD) },
  { reason: 'a trailing comma', body: '{"title":"a","body":"b",}' },
  { reason: 'NaN', body: withKey('"x":NaN') },
  { reason: 'a second body after the first', body: GOOD + GOOD },
  { reason: 'white space around it', body: ` \t\r\n${GOOD}\n`, post: AB },
  { reason: 'an array at the top', body: `[${GOOD}]` },
  { reason: 'null at the top', body: 'null' },
  { reason: '32 levels', body: withKey(arrays(31)), post: AB },
  { reason: '33 levels', body: withKey(arrays(32)) },
  { reason: 'as many brackets as fit', body: '['.repeat(BODY_BYTES_MAX) },
  {
    reason: 'brackets in a text, which do not nest',
    body: titled(`"\\"${'['.repeat(40)}"`),
    post: { title: `"${'['.repeat(40)}`, body: 'b' },
  },
];

const values: readonly HostileBody[] = [
  { reason: 'no field at all', body: '{}', fields: ['title', 'body'] },
  { reason: 'an object for a text', body: titled('{"toString":"a"}'), fields: ['title'] },
  { reason: 'a number past all numbers for a text', body: titled('1e400'), fields: ['title'] },
  { reason: 'both fields wrong', body: '{"title":"","body":false}', fields: ['title', 'body'] },
  { reason: 'a lone surrogate', body: '{"title":"a","body":"\\udc00"}', fields: ['body'] },
  { reason: 'a pair of surrogates', body: titled('"\\ud834\\udd1e"'), post: { title: '𝄞', body: 'b' } },
  {
    reason: '200 characters outside the BMP',
    body: titled(`"${'𝄞'.repeat(200)}"`),
    post: { title: '𝄞'.repeat(200), body: 'b' },
  },
  { reason: '201 of them', body: titled(`"${'𝄞'.repeat(201)}"`), fields: ['title'] },
  { reason: 'NUL and HTML', body: titled('"\\u0000<script>"'), post: { title: '\0<script>', body: 'b' } },
  {
    reason: 'as long as a body may be',
    body: `{"title":"a","body":"${'x'.repeat(BODY_BYTES_MAX - 23)}"}`,
    post: { title: 'a', body: 'x'.repeat(BODY_BYTES_MAX - 23) },
  },
  { reason: 'one byte longer', body: ' '.repeat(BODY_BYTES_MAX + 1), status: 413 },
  { reason: 'a hundred times that', body: 'x'.repeat(BODY_BYTES_MAX * 100), status: 413 },
];

const keys: readonly HostileBody[] = [
  { reason: '__proto__ instead of the fields', body: `{"__proto__":${GOOD}}`, fields: ['title', 'body'] },
  { reason: '__proto__ as well', body: withKey('"__proto__":{"isAdmin":true,"title":"z"}'), post: AB },
  { reason: 'constructor', body: withKey('"constructor":{"prototype":{"isAdmin":true}}'), post: AB },
  { reason: 'names of methods', body: withKey('"toString":1,"hasOwnProperty":0,"toJSON":{}'), post: AB },
  { reason: 'other columns', body: withKey('"id":99,"user_id":99,"version":9,"created":0'), post: AB },
  { reason: 'bad values of unknown keys', body: withKey('"x":"\\ud800","\\udfff":1e400'), post: AB },
  { reason: 'a key twice: the last one', body: '{"title":1,"body":"b","\\u0074itle":"a"}', post: AB },
  { reason: 'another case', body: '{"Title":"a","BODY":"b"}', fields: ['title', 'body'] },
];

const types: readonly HostileBody[] = [
  { reason: 'a charset', type: 'Application/JSON; Charset="UTF-8"', body: GOOD, post: AB },
  { reason: 'a +json type', type: 'application/problem+json', body: GOOD, post: AB },
  { reason: 'no type', type: null, body: GOOD, status: 415 },
  { reason: 'plain text, which needs no preflight', type: 'text/plain', body: GOOD, status: 415 },
  { reason: 'two types', type: 'application/json, text/plain', body: GOOD, status: 415 },
  { reason: 'another charset', type: 'application/json; charset=utf-16', body: GOOD, status: 415 },
  { reason: 'a gzip file', headers: { 'content-encoding': 'gzip' }, body: gzipSync(GOOD), status: 415 },
];

const forms: readonly HostileBody[] = [
  { reason: 'a form', body: '&title=a&&body=b&', post: AB },
  { reason: 'escapes', body: '%74itle=%C3%A9+%2B&body=%00', post: { title: 'é +', body: '\0' } },
  { reason: 'JSON', body: GOOD, fields: ['title', 'body'] },
  { reason: 'a key twice, once escaped', body: 'title=a&body=b&%74itle=a', fields: ['title'] },
  { reason: 'an unknown key twice', body: 'x=1&x=2&__proto__=y&title=a&body=b', post: AB },
  { reason: 'a key like an array', body: 'title[]=a&body=b', fields: ['title'] },
  { reason: 'a malformed escape in an unknown key', body: 'title=a&body=b&%=1' },
  { reason: 'an escape that is not UTF-8', body: 'title=%ED%A0%80&body=b' },
  { reason: 'a byte that is not UTF-8', body: bytes('title=', [0xff], '&body=b') },
  { reason: 'too long a title', body: `title=${'a'.repeat(201)}&body=b`, fields: ['title'] },
].map((row) => ({ type: FORM, ...row }));

interface Target {
  readonly server: TestServer;
  readonly matt: Person;
  send(hostile: Pick<HostileBody, 'type' | 'headers' | 'body'>): Promise<Answer>;
  /** The posts as the next request shows them. */
  posts(): Promise<{ title: string; body: string }[]>;
  /** The data file. */
  content(): string;
}

async function target(t: TestContext): Promise<Target> {
  const path = `${temporaryFolder(t)}/jot.jsonl`;
  const server = await startServer(t, { DATABASE_URL: `file:${path}`, MAX_BODY: String(BODY_BYTES_MAX) });
  const matt = await createPerson(server, 'matt');
  return {
    server,
    matt,
    send: ({ type = 'application/json', headers = {}, body }) =>
      matt.call('POST', matt.posts, {
        body,
        headers: { ...(type === null ? {} : { 'content-type': type }), ...headers },
      }),
    async posts() {
      const { status, json: rows } = await matt.call('GET', `${matt.posts}?limit=200`);
      assert.equal(status, 200);
      return rows;
    },
    content: () => readFileSync(path, 'utf8'),
  };
}

function assertRefused(answer: Answer, status: number, fields?: readonly string[]): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.status_code, status);
  assert.match(answer.json.description, /\w/);
  assert.deepEqual(answer.json.fields && Object.keys(answer.json.fields), fields && [...fields]);
}

async function assertOutcome(to: Target, before: string, answer: Answer, row: HostileBody): Promise<void> {
  const { post, status = 400, fields } = row;
  if (post === undefined) {
    assertRefused(answer, status, fields);
    assert.deepEqual(await to.posts(), []);
    assert.equal(to.content(), before, 'nothing was written');
    return;
  }
  assert.equal(answer.status, 201, answer.text);
  assertHas(answer.json, { ...post, user: { id: to.matt.id, username: 'matt' } });
  assert.deepEqual(await to.posts(), [answer.json]);
  assert.doesNotMatch(to.content().slice(before.length), /isAdmin|hasOwnProperty|"x"/);
}

/** The log has no warning and no error, and no prototype was polluted. */
function assertQuiet({ server }: Target): void {
  for (const line of server.log) assert.equal(JSON.parse(line).level, 'info', line);
  assert.equal('isAdmin' in {}, false);
}

for (const [name, rows] of Object.entries({ json, values, keys, types, forms })) {
  describe(`POST /users/:id/posts with hostile ${name}`, () => {
    for (const row of rows) {
      const { reason, post, status = 400, fields = [] } = row;
      const outcome = post === undefined ? `responds ${status}` : 'creates the post';
      const why = fields.length === 0 ? '' : ` and names ${fields.join(' and ')}`;
      it(`${outcome}${why}: ${reason}`, async (t) => {
        const to = await target(t);
        const before = to.content();
        const answer = await to.send(row);
        await assertOutcome(to, before, answer, row);
        const { connection, accept, 'accept-encoding': codings } = answer.headers;
        if (status === 413) assert.equal(connection, 'close');
        if (status === 415) assert.match(String(accept ?? codings), /application\/json|identity/);
        assertQuiet(to);
      });
    }
  });
}

describe('POST /users/:id/posts with a partial, empty or chunked body', () => {
  it('responds 400 to JSON that ends at any byte but the last', async (t) => {
    const to = await target(t);
    const whole = Buffer.from(NESTED);
    for (let length = 0; length < whole.length; length++) {
      const answer = await to.send({ body: whole.subarray(0, length) });
      assertRefused(answer, 400, length === 0 ? ['title', 'body'] : undefined);
    }
    assert.deepEqual(await to.posts(), []);
    assert.equal((await to.send({ body: whole })).status, 201, 'the whole of it is valid');
    assertQuiet(to);
  });

  it('stores nothing when the connection ends at any byte but the last', async (t) => {
    const to = await target(t);
    const whole = Buffer.from(NESTED);
    for (let length = 0; length < whole.length; length++) {
      const wire = await Wire.open(to.server.port, head(to, `Content-Length: ${whole.length}`));
      wire.write(whole.subarray(0, length));
      wire.end();
      await wire.closed;
    }
    assert.deepEqual(await to.posts(), []);
    assertQuiet(to);
  });

  const empty: readonly [reason: string, header: string, type: string][] = [
    ['no length and no type', 'X-None: 1', ''],
    ['a length of 0', 'Content-Length: 0', 'application/json'],
    ['no chunks', 'Transfer-Encoding: chunked', 'application/json'],
  ];
  for (const [reason, header, type] of empty) {
    it(`reads an empty body as {}: ${reason}`, async (t) => {
      const to = await target(t);
      const chunks = header.startsWith('Transfer') ? '0\r\n\r\n' : '';
      const wire = await Wire.open(to.server.port, head(to, header, type), chunks);
      assertRefused(await wire.answer('POST'), 400, ['title', 'body']);
      // On the same connection: no byte of the empty body is taken for a request.
      wire.write(`GET ${to.matt.posts} HTTP/1.1\r\nHost: x\r\nAuthorization: JWT ${to.matt.access}\r\n\r\n`);
      assert.deepEqual((await wire.answer()).json, []);
      wire.end();
      await wire.closed;
      assertQuiet(to);
    });
  }

  it('reads a body in chunks of one byte', async (t) => {
    const to = await target(t);
    const chunks = [...Buffer.from(NESTED)].map((byte) => bytes('1\r\n', [byte], '\r\n'));
    const wire = await Wire.open(
      to.server.port,
      head(to, 'Transfer-Encoding: chunked'),
      ...chunks,
      '0\r\n\r\n',
    );
    const { status, json: post } = await wire.answer('POST');
    assert.deepEqual([status, post.title, post.body], [201, 'T é 𝄞 \\', 'b']);
    wire.end();
    await wire.closed;
  });
});

describe('POST /users/:id/posts with random bodies', () => {
  const seed = 1_234;

  it(`accepts what a plain reading of the contract accepts, and no more (seed ${seed})`, async (t) => {
    const to = await target(t);
    const random = seededRandom(seed);
    const outcomes = { taken: 0, refused: 0 };
    for (let step = 1; step <= MUTATIONS; step++) {
      const body = mutated(Buffer.from(NESTED), random);
      const what = `seed ${seed}, step ${step}: ${body.toString('latin1')}`;
      const answer = await to.send({ body });
      assert.equal(answer.status, isGood(body) ? 201 : 400, `${what}\n${answer.text}`);
      outcomes[answer.status === 201 ? 'taken' : 'refused']++;
      if (answer.status === 201) assert.equal(answer.json.title, JSON.parse(body.toString()).title, what);
    }
    assert.equal((await to.posts()).length, outcomes.taken);
    assert.ok(outcomes.taken > 50 && outcomes.refused > 100, JSON.stringify(outcomes));
    assertQuiet(to);
  });
});

function head({ matt }: Target, header: string, type = 'application/json'): string {
  const lines = ['Host: localhost', `Authorization: JWT ${matt.access}`, header];
  if (type !== '') lines.push(`Content-Type: ${type}`);
  return `POST ${matt.posts} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** One to three bytes changed, put in or left out. */
function mutated(bytes: Buffer, random: () => number): Buffer {
  const below = (limit: number) => Math.floor(random() * limit);
  const changed = [...bytes];
  for (let rest = 1 + below(3); rest > 0; rest--) {
    const byte = below(2) === 0 ? below(256) : (Buffer.from('{}[]",:\\u 0aE\n')[below(15)] ?? 0);
    changed.splice(below(changed.length), below(2), ...([[], [byte]][below(2)] as number[]));
  }
  return Buffer.from(changed);
}

function isGood(bytes: Buffer): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const { title, body } = JSON.parse(text);
    const isText = [title, body].every((value) => typeof value === 'string' && value.isWellFormed());
    return isText && title.length > 0 && [...title].length <= 200;
  } catch {
    return false;
  }
}
