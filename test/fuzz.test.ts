// The fuzzer finds no fault in Jot, so each of its rules has a twin: a response altered to break
// it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { faultOf } from '../scripts/fuzz/check.ts';
import { problemsOf } from '../scripts/fuzz/json-schema.ts';
import { type Operations, parseDocument, type Schema } from '../scripts/fuzz/openapi.ts';
import { createWorld, learn, nextStep } from '../scripts/fuzz/requests.ts';
import { run } from '../scripts/fuzz/run.ts';
import { toShell } from '../scripts/fuzz/shell.ts';
import { type Received, type Step, send } from '../scripts/fuzz/step.ts';
import { openTarget, type Target } from '../scripts/fuzz/target.ts';
import { seededRandom } from './support/model/random.ts';
import { start } from './support/process/command.ts';

const SEED = 20_261_124;

/** A proxy that removes the ETag from the response to each `GET` with a token. */
async function openAltered(): Promise<Target> {
  const target = await openTarget();
  const proxy = createServer((request, response) => {
    const { method = '', url: path = '', rawHeaders: headers } = request;
    const forwarded = httpRequest({ port: target.port, host: '127.0.0.1', method, path, headers });
    forwarded.on('error', () => response.destroy());
    forwarded.on('response', (received) => {
      const { etag, ...others } = received.headers;
      const isAltered = method === 'GET' && request.headers.authorization !== undefined;
      response.writeHead(received.statusCode ?? 0, isAltered ? others : received.headers);
      received.pipe(response);
    });
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    port: (proxy.address() as AddressInfo).port,
    pass: target.pass,
    async close() {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
      await target.close();
    },
  };
}

describe('run', () => {
  it(`finds no fault in 600 requests, in which every operation succeeds (seed ${SEED})`, async () => {
    const { found, uncovered, statuses } = await run(SEED, 600, openTarget);
    assert.equal(found?.fault.text, undefined);
    assert.deepEqual(
      uncovered.map(({ name }) => name),
      [],
    );
    for (const status of [200, 201, 204, 400, 401, 404, 405, 415]) assert.ok(status in statuses, `${status}`);
  });

  it('sends the same requests for the same seed', async () => {
    const [one, same, other] = await Promise.all([1, 1, 2].map((seed) => run(seed, 60, openTarget)));
    assert.deepEqual(one?.statuses, same?.statuses);
    assert.notDeepEqual(one?.statuses, other?.statuses);
  });

  it('finds an altered response, and the fewest steps that lead to it reproduce it in a shell', async (t) => {
    const { found } = await run(SEED, 1_000, openAltered);
    assert.match(found?.fault.text ?? '', /^header: etag is undefined \(200 to GET /);
    const steps = found?.steps ?? [];
    assert.ok(steps.length <= 10, `${steps.length} steps`);

    const target = await openAltered();
    t.after(() => target.close());
    const commands = toShell(steps).replace(/^sleep .*\n/gm, '');
    const env = { PATH: process.env.PATH, URL: `http://127.0.0.1:${target.port}` };
    const { stdout } = await promisify(execFile)('bash', ['-c', commands], { env });
    assert.match(stdout, /^HTTP\/1.1 200 /, commands);
    assert.doesNotMatch(stdout, /^etag:/im);
  });
});

describe('faultOf', () => {
  let operations: Operations = [];
  const exchanges: { step: Step; received: Received }[] = [];

  before(async () => {
    const target = await openTarget();
    const response = await fetch(`http://127.0.0.1:${target.port}/openapi.json`);
    operations = parseDocument(await response.text());
    const world = createWorld(operations, seededRandom(SEED));
    const responses: Received[] = [];
    for (let number = 0; number < 200; number++) {
      const step = nextStep(number, world);
      const received = await send(step, target, responses);
      learn(step, received, world);
      exchanges.push({ step, received });
    }
    await target.close();
  });

  const withJson = (change: object) => (received: Received) => {
    const json = { ...Object(received.json), ...change };
    const bytes = Buffer.from(JSON.stringify(json));
    return {
      ...received,
      json,
      bytes,
      headers: { ...received.headers, 'content-length': `${bytes.length}` },
    };
  };
  const withHeaders = (change: object) => (received: Received) => ({
    ...received,
    headers: { ...received.headers, ...change },
  });
  const withCachedToken = (received: Received) =>
    withHeaders({ 'cache-control': 'no-cache' })(withJson({ access_token: 'a' })(received));
  const withStatus = (status: number) => (received: Received) => ({ ...received, status });

  const rows: readonly [
    reason: string,
    rule: string,
    status: number,
    alter: (received: Received) => Received,
  ][] = [
    ['the server failed', 'status', 200, withStatus(500)],
    ['the status is not documented', 'status', 200, withStatus(418)],
    ['there was no response', 'status', 200, withStatus(0)],
    ['the length is wrong', 'length', 200, withHeaders({ 'content-length': '1' })],
    ['it may be sniffed', 'header', 200, withHeaders({ 'x-content-type-options': undefined })],
    ['the request id is malformed', 'header', 200, withHeaders({ 'x-request-id': 'a b' })],
    ['it names the server', 'header', 200, withHeaders({ server: 'jot' })],
    ['a documented header is missing', 'header', 201, withHeaders({ location: undefined })],
    ['401 has no challenge', 'header', 401, withHeaders({ 'www-authenticate': undefined })],
    ['405 has no Allow', 'header', 405, withHeaders({ allow: undefined })],
    [
      '415 does not name the accepted types',
      'header',
      415,
      withHeaders({ accept: undefined, 'accept-encoding': undefined }),
    ],
    ['a cache may store a token', 'header', 200, withCachedToken],
    ['the media type is not documented', 'body', 200, withHeaders({ 'content-type': 'text/html' })],
    ['a field has another type', 'body', 201, withJson({ id: '1' })],
    ['a field is undeclared', 'body', 201, withJson({ password_hash: 'a' })],
    ['an error has an undeclared field', 'body', 404, withJson({ stack: 'at main.ts:1' })],
    ['an error names another status', 'error', 404, withJson({ status_code: 403 })],
    ['an error has no description', 'error', 404, withJson({ description: '' })],
    ['a valid request is rejected', 'rejected', 415, (received) => received],
  ];
  for (const [reason, rule, status, alter] of rows) {
    it(`returns ${rule} if ${reason}`, () => {
      const isFitting = ({ step, received }: (typeof exchanges)[number]) =>
        received.status === status && step.method !== 'HEAD' && received.headers.etag === undefined;
      const { step, received } = exchanges.find(isFitting) ?? assert.fail(`no ${status}`);
      assert.equal(faultOf(step, received, operations), null);
      const asked = rule === 'rejected' ? { ...step, isValid: true } : step;
      assert.equal(faultOf(asked, alter(received), operations)?.rule, rule);
    });
  }

  it('returns accepted if an invalid request succeeds', () => {
    const { step, received } = exchanges.find(({ received }) => received.status === 201) ?? assert.fail();
    assert.equal(faultOf({ ...step, value: {} }, received, operations)?.rule, 'accepted');
  });
});

describe('problemsOf', () => {
  const table: readonly [schema: Schema, good: unknown, bad: unknown][] = [
    [{ type: 'integer' }, 1, 1.5],
    [{ type: 'string' }, '', 1],
    [{ type: 'boolean' }, false, 'false'],
    [{ type: 'array' }, [], {}],
    [{ type: 'object' }, {}, []],
    [{ type: 'object' }, {}, null],
    [{ minimum: 1, maximum: 2 }, 2, 3],
    [{ minimum: 1 }, 'a', 0],
    [{ minLength: 2, maxLength: 2 }, '😀😀', '😀'],
    [{ maxLength: 2 }, 'ab', 'abc'],
    [{ pattern: '^\\p{L}$' }, 'é', '1'],
    [{ enum: ['asc', 'desc'] }, 'asc', 'ASC'],
    [{ items: { type: 'integer' } }, [1], [1, 'a']],
    [{ properties: { a: { type: 'integer' } } }, { b: 'a' }, { a: 'a' }],
    [{ required: ['a'] }, { a: null }, { b: 1 }],
    [{ properties: { a: {} }, minProperties: 1 }, { a: 1 }, { b: 1 }],
    [{ properties: { a: {} }, additionalProperties: { type: 'string' } }, { a: 1, b: 'b' }, { b: 1 }],
  ];
  for (const [schema, good, bad] of table) {
    it(`accepts ${JSON.stringify(good)} and rejects ${JSON.stringify(bad)} for ${JSON.stringify(schema)}`, () => {
      assert.deepEqual(problemsOf(good, schema, 'ignored'), []);
      assert.equal(problemsOf(bad, schema, 'ignored').length, 1);
    });
  }

  it('rejects an undeclared property of a response', () => {
    const schema = { properties: { a: { properties: { b: {} } } } };
    assert.deepEqual(problemsOf({ a: { b: 1 } }, schema, 'rejected'), []);
    assert.deepEqual(problemsOf({ a: { c: 1 } }, schema, 'rejected'), ['body.a.c is not declared']);
  });

  it('throws at an unknown keyword', () => {
    const schema = { multipleOf: 2 } as Schema;
    assert.throws(() => problemsOf(1, schema, 'ignored'), /unknown keyword; got multipleOf/);
  });
});

describe('npm run fuzz', () => {
  const fuzz = ['scripts/run.mjs', 'scripts/fuzz.ts'];

  it('exits with 1 and names the operations that never succeeded', async (t) => {
    const { code, stdout } = await start(t, [...fuzz, '--seed', '1', '--requests', '3']).ended;
    assert.match(stdout, /^Never succeeded: \w+ \/[\s\S]*\nSeed 1: \d{3} ×\d/);
    assert.equal(code, 1);
  });

  it('exits with 2 and prints the usage for an option that is wrong', async (t) => {
    const { code, stderr } = await start(t, [...fuzz, '--requests', 'many']).ended;
    assert.match(stderr, /^fuzz: --seed and --requests must be whole numbers\n\nUsage: npm run fuzz/);
    assert.equal(code, 2);
  });
});
