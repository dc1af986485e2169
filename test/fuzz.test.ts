// `npm run fuzz`: a fixed part of it has to pass, and a server that answers anything else than its documentation says has
// to be found, with commands that show the fault again.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { problemsOf } from '../scripts/fuzz/json-schema.ts';
import { run } from '../scripts/fuzz/run.ts';
import { toShell } from '../scripts/fuzz/shell.ts';
import type { Target } from '../scripts/fuzz/steps.ts';
import { openTarget } from '../scripts/fuzz/target.ts';
import { start } from './support/process/command.ts';

const RUN = { seed: 20_261_124, requests: 600, deadlineMs: 60_000 };

interface Passed {
  readonly method: string;
  readonly path: string;
  status: number;
  readonly headers: IncomingHttpHeaders;
  text: string;
}

/** A server in front of a good one, which changes answers on their way. */
async function openAltered(alter: (answer: Passed) => void): Promise<Target> {
  const target = await openTarget();
  const server = createServer((request, response) => {
    const { method = '', url: path = '', rawHeaders } = request;
    const behind = httpRequest({ port: target.port, host: '127.0.0.1', method, path, headers: rawHeaders });
    behind.on('error', () => response.destroy());
    behind.on('response', async (received) => {
      const chunks: Buffer[] = [];
      for await (const chunk of received) chunks.push(chunk);
      const { statusCode = 0, headers } = received;
      const answer = { method, path, status: statusCode, headers, text: Buffer.concat(chunks).toString() };
      alter(answer);
      const hasLength = answer.text !== '' && headers['content-length'] !== '0';
      if (hasLength) headers['content-length'] = String(Buffer.byteLength(answer.text));
      response.sendDate = false;
      response.writeHead(answer.status, headers).end(answer.text);
    });
    request.pipe(behind);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    pass: target.pass,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await target.close();
    },
  };
}

function isPost({ method, path, status }: Passed): boolean {
  return method === 'GET' && status === 200 && /^\/users\/\d+\/posts\/\d+$/.test(path);
}

const rows: readonly [does: string, rule: string, alter: (answer: Passed) => void][] = [
  ['fails', 'server error', (answer) => isPost(answer) && Object.assign(answer, { status: 500 })],
  [
    'answers an unknown status',
    'status',
    (answer) => isPost(answer) && Object.assign(answer, { status: 418 }),
  ],
  [
    'tells more than it declares',
    'schema',
    (answer) => {
      if (isPost(answer)) answer.text = answer.text.replace('{', '{"password_hash":"x",');
    },
  ],
  [
    'tells less',
    'schema',
    (answer) => {
      if (isPost(answer)) answer.text = answer.text.replace(/"title":"[^"]*",/, '');
    },
  ],
  [
    'tells a number as a text',
    'schema',
    (answer) => {
      if (isPost(answer)) answer.text = answer.text.replace(/^\{"id":(\d+)/, '{"id":"$1"');
    },
  ],
  [
    'sends another type',
    'type',
    (answer) => {
      if (isPost(answer)) answer.headers['content-type'] = 'text/html';
    },
  ],
  [
    'forgets a documented header',
    'header',
    (answer) => {
      if (isPost(answer)) delete answer.headers.etag;
    },
  ],
  [
    'lets a browser sniff',
    'nosniff',
    (answer) => {
      if (isPost(answer)) delete answer.headers['x-content-type-options'];
    },
  ],
  [
    'lets a cache keep tokens',
    'secret',
    (answer) => {
      if (answer.headers['cache-control'] === 'no-store') answer.headers['cache-control'] = 'no-cache';
    },
  ],
  [
    'refuses what is valid',
    'refused',
    (answer) => {
      if (answer.method !== 'PATCH' || answer.status !== 200) return;
      answer.status = 400;
      answer.text = '{"status_code":400,"error":"Bad Request","description":"No"}\n';
    },
  ],
  [
    'adds to its errors',
    'schema',
    (answer) => {
      if (answer.status === 401) answer.text = answer.text.replace('{', '{"stack":"at main.ts:1",');
    },
  ],
  [
    'says another status than it has',
    'error',
    (answer) => {
      if (answer.status === 404) answer.text = answer.text.replace('404', '403');
    },
  ],
];

describe('fuzz', () => {
  it(`finds nothing in ${RUN.requests} requests, and every operation succeeds (seed ${RUN.seed})`, async () => {
    const { found, uncovered, statuses, requests } = await run({ ...RUN, open: openTarget });
    assert.equal(found?.fault.text, undefined);
    assert.deepEqual([uncovered, requests], [[], RUN.requests]);
    for (const status of [200, 201, 204, 400, 401, 403, 404, 405, 412, 415])
      assert.ok(statuses.has(status), `${status}`);
  });

  it('tells after each request how many there were', async () => {
    const told: number[][] = [];
    const onProgress = (...counts: number[]) => void told.push(counts);
    await run({ ...RUN, requests: 3, open: openTarget, onProgress });
    assert.deepEqual(told, [
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it('makes the same requests of the same seed, and others of another', async () => {
    const statusesOf = async (seed: number) => {
      const { statuses } = await run({ ...RUN, seed, requests: 100, open: openTarget });
      return [...statuses].sort();
    };
    assert.deepEqual(await statusesOf(1), await statusesOf(1));
    assert.notDeepEqual(await statusesOf(1), await statusesOf(2));
  });

  for (const [does, rule, alter] of rows) {
    it(`finds a server that ${does}, and so do the commands that it shows`, async (t) => {
      const open = () => openAltered(alter);
      const { found } = await run({ ...RUN, requests: 3_000, open });
      assert.equal(found?.fault.rule, rule);
      assert.ok(found.steps.length <= 15, `${found.steps.length} steps to see it again`);

      const target = await open();
      t.after(() => target.close());
      const commands = toShell(found.steps).replace(/^sleep .*\n/gm, '');
      const env = { PATH: process.env.PATH, URL: `http://127.0.0.1:${target.port}` };
      const { stdout } = await promisify(execFile)('bash', ['-c', commands], { env });
      const [head = '', body = ''] = stdout.split('\r\n\r\n');
      const answer = { method: '', path: '', status: Number(head.split(' ')[1]), headers: {}, text: body };
      assert.equal(looksAltered(rule, answer, head), true, `${commands}\n${stdout}`);
    });
  }

  it('finds an operation that never succeeds', async () => {
    const open = () =>
      openAltered((answer) => {
        if (answer.method === 'DELETE' && answer.status === 204) answer.status = 404;
        if (answer.status !== 404 || answer.text !== '') return;
        answer.headers['content-type'] = 'application/json; charset=utf-8';
        answer.text = '{"status_code":404,"error":"Not Found","description":"No"}\n';
      });
    const { uncovered } = await run({ ...RUN, requests: 300, open });
    assert.ok(uncovered.includes('DELETE /users/{id}'), uncovered.join());
  });
});

// What the last command of each row printed.
function looksAltered(rule: string, { status, text }: Passed, head: string): boolean {
  const lacks = (name: string) => !head.toLowerCase().includes(`${name}:`);
  const looks: Readonly<Record<string, boolean>> = {
    'server error': status === 500,
    status: status === 418,
    schema: /password_hash|"stack"|^\{"id":"/.test(text) || !text.includes('"title"'),
    type: head.includes('text/html'),
    header: lacks('etag'),
    nosniff: lacks('x-content-type-options'),
    secret: text.includes('access_token') && !head.includes('no-store'),
    refused: status === 400 && text.includes('"No"'),
    error: status === 404 && text.includes('403'),
  };
  return looks[rule] === true;
}

describe('npm run fuzz', () => {
  const fuzz = ['scripts/run.mjs', 'scripts/fuzz.ts'];

  it('says in one line what it did, and exits with 0', async (t) => {
    const args = [...fuzz, '--seed', String(RUN.seed), '--requests', String(RUN.requests)];
    const { code, stdout, stderr } = await start(t, args).ended;
    assert.match(stdout, /^Seed 20261124: 600 requests, 25 of 25 operations succeeded; 200 ×\d+, [^\n]*\n$/);
    assert.deepEqual([code, stderr], [0, '']);
  });

  it('exits with 1 and names what never succeeded when there are too few requests', async (t) => {
    const { code, stdout } = await start(t, [...fuzz, '--seed', '1', '--requests', '3']).ended;
    assert.equal(code, 1);
    assert.match(stdout, /^Never succeeded: \w+ \/[^\n]*\n/);
  });

  it('shows its options, and exits with 0', async (t) => {
    const { code, stdout } = await start(t, [...fuzz, '--help']).ended;
    assert.equal(code, 0);
    for (const option of ['--seed', '--requests', '--seconds', '--help']) assert.ok(stdout.includes(option));
  });

  const wrong: readonly [args: string[], says: RegExp, reason: string][] = [
    [['--requests', 'many'], /^fuzz: --requests is "many"; expected a whole number from 1 /, 'no number'],
    [['--requests', '0'], /^fuzz: --requests is "0"; /, 'too few'],
    [['--seconds', '1.5'], /^fuzz: --seconds is "1.5"; /, 'a fraction'],
    [['--seed', '-1'], /^fuzz: --seed is "-1"; expected a whole number from 0 /, 'negative'],
    [
      ['--requests', '-3', '--seed', '1'],
      /^fuzz: --requests is "-3"; expected a whole number from 1 /,
      'negative',
    ],
    [['--requests=-3'], /^fuzz: --requests is "-3"; /, 'the same in one'],
    [['-3'], /^fuzz: Unknown option '-3'\n/, 'no option before it'],
    [['--sed', '1'], /^fuzz: Unknown option '--sed'\n/, 'misspelt'],
    [['now'], /^fuzz: .*now/, 'a word'],
  ];
  for (const [args, says, reason] of wrong) {
    it(`exits with 2 at ${args.join(' ')}: ${reason}`, async (t) => {
      const { code, stdout, stderr } = await start(t, [...fuzz, ...args]).ended;
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, says);
      assert.match(stderr, /\nUsage: npm run fuzz/);
    });
  }
});

describe('problemsOf', () => {
  const options = { find: () => ({ type: 'integer' }) };
  const table: readonly [schema: Record<string, unknown>, good: unknown, bad: unknown][] = [
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
    [{ $ref: '#/integer' }, 1, 'a'],
  ];
  for (const [schema, good, bad] of table) {
    it(`of ${JSON.stringify(schema)} takes ${JSON.stringify(good)} and not ${JSON.stringify(bad)}`, () => {
      assert.deepEqual(problemsOf(good, schema, options), []);
      assert.equal(problemsOf(bad, schema, options).length, 1);
    });
  }

  it('throws at a keyword that it does not know', () => {
    assert.throws(() => problemsOf(1, { multipleOf: 2 }, options), /not known here: multipleOf/);
  });
});
