// What somebody with bad intentions could send as a body. Each has the answer that the contract names, nothing of it is
// kept that was not asked for, and the next request is answered as if nothing had been.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import {
  BODY_BYTES_MAX,
  encodings,
  forms,
  type HostileBody,
  keys,
  nesting,
  syntax,
  types,
  values,
} from './support/cases/hostile-bodies.ts';
import { temporaryFolder } from './support/disk/temporary-folder.ts';
import { seededRandom } from './support/model/random.ts';
import { createPerson, type Person } from './support/server/person.ts';
import { type Answer, startServer, type TestServer } from './support/server/server.ts';
import { Wire } from './support/server/wire.ts';

const MUTATIONS = 400;
const GOOD = '{"title":"T \\u00e9 𝄞 \\\\","body":"b","x":[{"y":null}]}';
const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
};
const KEPT_OF_A_POST = ['body', 'created', 'id', 'title', 'updated', 'user_id', 'version'];

interface Target {
  readonly server: TestServer;
  readonly matt: Person;
  /** Sends a body to where posts are written. */
  send(hostile: Pick<HostileBody, 'type' | 'headers' | 'body'>): Promise<Answer>;
  /** The posts, as the next request shows them. */
  posts(): Promise<{ title: string; body: string }[]>;
  /** The rows of posts in the data file. */
  kept(): Record<string, unknown>[];
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
      const { status, json } = await matt.call('GET', `${matt.posts}?limit=200`);
      assert.equal(status, 200);
      return json;
    },
    kept() {
      const changes = readFileSync(path, 'utf8')
        .split('\n')
        .slice(1, -1)
        .flatMap((line) => JSON.parse(line).changes);
      return changes.filter(({ put }) => put === 'posts').map(({ row }) => row);
    },
  };
}

/** The answer is a refusal in the one shape. */
function assertRefused(answer: Answer, status: number, fields?: readonly string[]): void {
  assert.equal(answer.status, status, answer.text);
  const { description, fields: named, ...rest } = answer.json;
  assert.deepEqual(rest, { status_code: status, error: PHRASES[status] });
  assert.match(description, /\w/);
  assert.deepEqual(named && Object.keys(named), fields && [...fields]);
}

async function assertOutcome(
  to: Target,
  answer: Answer,
  { post, status = 400, fields }: HostileBody,
): Promise<void> {
  if (post === undefined) {
    assertRefused(answer, status, fields);
    assert.deepEqual(await to.posts(), []);
    assert.deepEqual(to.kept(), []);
    return;
  }
  assert.equal(answer.status, 201, answer.text);
  const { title, body, ...rest } = answer.json;
  assert.deepEqual({ title, body }, post);
  assert.deepEqual(Object.keys(rest), ['id', 'created', 'updated', 'user']);
  assert.deepEqual(rest.user, { id: to.matt.id, username: 'matt' });
  assert.deepEqual(await to.posts(), [answer.json]);
  assert.deepEqual(
    to.kept().map((row) => Object.keys(row).sort()),
    [KEPT_OF_A_POST],
  );
}

/** Nothing went wrong that nobody expected. */
function assertQuiet({ server }: Target): void {
  const levels = server.log.map((line) => JSON.parse(line).level);
  assert.deepEqual(
    levels.filter((level) => level !== 'info'),
    [],
  );
  assert.equal('isAdmin' in {}, false);
}

const groups: readonly [name: string, rows: readonly HostileBody[]][] = [
  ['encodings', encodings],
  ['syntax', syntax],
  ['nesting', nesting],
  ['values', values],
  ['keys', keys],
  ['types', types],
  ['forms', forms],
];

for (const [name, rows] of groups) {
  describe(`POST /users/:id/posts with hostile ${name}`, () => {
    for (const row of rows) {
      const { reason, type, post, status = 400, fields } = row;
      const outcome = post === undefined ? `refuses with ${status}` : 'takes';
      const why = fields === undefined ? '' : `, naming ${fields.join(' and ')}`;
      it(`${outcome}${why}: ${reason}${name === 'types' ? ` (${type})` : ''}`, async (t) => {
        const to = await target(t);
        const answer = await to.send(row);
        await assertOutcome(to, answer, row);
        if (status === 413) assert.equal(answer.headers.connection, 'close');
        if (status === 415) {
          const isCoding = row.headers !== undefined;
          const accepted = isCoding ? answer.headers['accept-encoding'] : answer.headers.accept;
          assert.match(String(accepted), isCoding ? /identity/ : /application\/json/);
        }
        assertQuiet(to);
      });
    }
  });
}

describe('POST /users/:id/posts with a body that is not whole', () => {
  it('refuses JSON that ends at any byte but the last', async (t) => {
    const to = await target(t);
    const whole = Buffer.from(GOOD);
    for (let length = 0; length < whole.length; length++) {
      const answer = await to.send({ body: whole.subarray(0, length) });
      assertRefused(answer, 400, length === 0 ? ['title', 'body'] : undefined);
    }
    assert.deepEqual(await to.posts(), []);
    assert.equal((await to.send({ body: whole })).status, 201, 'the whole of it is good');
    assertQuiet(to);
  });

  it('keeps nothing when the connection ends at any byte but the last', async (t) => {
    const to = await target(t);
    const whole = Buffer.from(GOOD);
    for (let length = 0; length < whole.length; length++) {
      const wire = await Wire.open(to.server.port, head(to, `Content-Length: ${whole.length}`));
      wire.write(whole.subarray(0, length));
      wire.end();
      await wire.closed;
    }
    assert.deepEqual(await to.posts(), []);
    assert.deepEqual(to.kept(), []);
    assertQuiet(to);
  });

  const empty: readonly [
    reason: string,
    header: string,
    type: string,
    fields: string[] | undefined,
    status: number,
  ][] = [
    ['no length', 'X-None: 1', 'application/json', ['title', 'body'], 400],
    ['no length and no type', 'X-None: 1', '', ['title', 'body'], 400],
    ['a length of 0', 'Content-Length: 0', 'application/json', ['title', 'body'], 400],
    ['a length of 0, no type', 'Content-Length: 0', '', ['title', 'body'], 400],
    ['no chunks', 'Transfer-Encoding: chunked', 'application/json', ['title', 'body'], 400],
    [
      'no chunks of a form',
      'Transfer-Encoding: chunked',
      'application/x-www-form-urlencoded',
      ['title', 'body'],
      400,
    ],
    ['no chunks, but there could be some, of no type', 'Transfer-Encoding: chunked', '', undefined, 415],
  ];
  for (const [reason, header, type, fields, status] of empty) {
    it(`takes an empty body for {}: ${reason}`, async (t) => {
      const to = await target(t);
      const chunks = header.startsWith('Transfer') ? '0\r\n\r\n' : '';
      const wire = await Wire.open(to.server.port, head(to, header, type), chunks);
      assertRefused(await wire.answer('POST'), status, fields);
      // On the same connection, unless it was closed: nothing of the empty body is taken for a request.
      wire.write(`GET ${to.matt.posts} HTTP/1.1\r\nHost: x\r\nAuthorization: JWT ${to.matt.access}\r\n\r\n`);
      if (status === 400) assert.deepEqual((await wire.answer()).json, []);
      wire.end();
      await wire.closed;
      assert.deepEqual(await to.posts(), []);
      assertQuiet(to);
    });
  }

  it('takes a body in chunks of one byte', async (t) => {
    const to = await target(t);
    const chunks = [...Buffer.from(GOOD)].map((byte) => bytesOf('1\r\n', byte, '\r\n'));
    const wire = await Wire.open(
      to.server.port,
      head(to, 'Transfer-Encoding: chunked'),
      ...chunks,
      '0\r\n\r\n',
    );
    const { status, json } = await wire.answer('POST');
    assert.deepEqual([status, json.title, json.body], [201, 'T é 𝄞 \\', 'b']);
    wire.end();
    await wire.closed;
  });
});

describe('POST /users/:id/posts with bodies at random', () => {
  const seed = 1_234;

  it(`takes what a plain reading of the contract takes, and no more (seed ${seed})`, async (t) => {
    const to = await target(t);
    const random = seededRandom(seed);
    const outcomes = { taken: 0, refused: 0 };
    for (let step = 1; step <= MUTATIONS; step++) {
      const body = mutated(Buffer.from(GOOD), random);
      const what = `seed ${seed}, step ${step}: ${body.toString('latin1')}`;
      const answer = await to.send({ body });
      assert.equal(answer.status, isGood(body) ? 201 : 400, `${what}\n${answer.text}`);
      outcomes[answer.status === 201 ? 'taken' : 'refused']++;
      if (answer.status === 201) assert.equal(answer.json.title, JSON.parse(body.toString()).title, what);
    }
    for (const row of to.kept()) assert.deepEqual(Object.keys(row).sort(), KEPT_OF_A_POST);
    assert.equal(to.kept().length, outcomes.taken);
    assert.ok(outcomes.taken > 50 && outcomes.refused > 100, JSON.stringify(outcomes));
    assertQuiet(to);
  });
});

function head({ matt }: Target, header: string, type = 'application/json'): string {
  const lines = ['Host: localhost', `Authorization: JWT ${matt.access}`, header];
  if (type !== '') lines.push(`Content-Type: ${type}`);
  return `POST ${matt.posts} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

function bytesOf(before: string, byte: number, after: string): Buffer {
  return Buffer.concat([Buffer.from(before), Buffer.of(byte), Buffer.from(after)]);
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
