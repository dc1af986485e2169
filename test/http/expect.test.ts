// `Expect: 100-continue` (RFC 9110 §10.1.1): the client sends its body only once it is told that it is wanted.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startServer } from '../support/server/server.ts';
import { assertError, Wire } from '../support/server/wire.ts';

const BODY = '{"username":"matt","password":"secret"}';

function head(path: string, expect: string, length = BODY.length, version = '1.1'): string {
  const lines = [
    `POST ${path} HTTP/${version}`,
    'Host: localhost',
    'Content-Type: application/json',
    `Content-Length: ${length}`,
    `Expect: ${expect}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

describe('Expect: 100-continue', { concurrency: true }, () => {
  for (const expect of ['100-continue', '100-Continue']) {
    test(`${expect} is 100, and then the answer`, async (t) => {
      const { port } = await startServer(t);
      const wire = await Wire.open(port, head('/users', expect));
      const interim = await wire.answer();
      assert.deepEqual([interim.status, interim.headers, wire.unread], [100, {}, '']);
      wire.write(BODY);
      const { status, headers } = await wire.answer();
      assert.deepEqual([status, headers.connection], [201, 'keep-alive']);
      wire.end();
    });
  }

  test('twice on one connection is 100 and an answer each time', async (t) => {
    const { port } = await startServer(t);
    const wire = await Wire.open(port);
    for (const status of [201, 409]) {
      wire.write(head('/users', '100-continue'));
      assert.equal((await wire.answer()).status, 100);
      wire.write(BODY);
      assert.equal((await wire.answer()).status, status);
    }
    wire.end();
  });

  for (const [path, status, length, why] of [
    ['/users/1/posts', 401, BODY.length, 'nobody is signed in'],
    ['/nowhere', 404, BODY.length, 'there is nothing'],
    ['/users/1', 405, BODY.length, 'it can’t be done'],
    ['/users', 413, 1_000_000, 'it is too much'],
  ] as const) {
    test(`of ${path} is ${status} at once, without 100 and with the connection closed: ${why}`, async (t) => {
      const { port } = await startServer(t);
      const wire = await Wire.open(port, head(path, '100-continue', length));
      const answer = await wire.answer();
      assertError(answer, status, status === 401 ? 'Authorization Required' : undefined);
      assert.equal(answer.headers.connection, 'close');
      assert.equal(await wire.closed, 'end');
      assert.equal(wire.unread, '');
    });
  }

  test('is answered even if the client does not wait for 100', async (t) => {
    const { port } = await startServer(t);
    const wire = await Wire.open(port, head('/users', '100-continue') + BODY);
    assert.equal((await wire.answer()).status, 100);
    assert.equal((await wire.answer()).status, 201);
    wire.end();
  });

  test('without a body is answered at once', async (t) => {
    const { port } = await startServer(t);
    const request = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n';
    const wire = await Wire.open(port, request);
    assert.equal((await wire.answer()).status, 200);
    wire.end();
  });

  test('in HTTP/1.0 is ignored, since HTTP/1.0 has no interim responses', async (t) => {
    const { port } = await startServer(t);
    const wire = await Wire.open(port, head('/users', '100-continue', BODY.length, '1.0') + BODY);
    assert.equal((await wire.answer()).status, 201);
    assert.equal(await wire.closed, 'end');
  });
});

describe('Expect', () => {
  for (const expect of ['tea', '100-continued', '200-ok', 'x=100']) {
    test(`${expect} is 417, and bytes after the head, possibly the body, are not answered`, async (t) => {
      const { port } = await startServer(t);
      for (const behind of [BODY, '', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n']) {
        const wire = await Wire.open(port, head('/users', expect) + behind);
        const answer = await wire.answer();
        assertError(answer, 417);
        assert.equal(answer.headers.connection, 'close');
        assert.equal(await wire.closed, 'end');
        assert.equal(wire.unread, '');
      }
    });
  }

  test('tea without a body is 417, and the next request on the connection is served', async (t) => {
    const { port } = await startServer(t);
    const wire = await Wire.open(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\n\r\n');
    assertError(await wire.answer(), 417);
    wire.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal((await wire.answer()).status, 200);
    wire.end();
  });

  test('100-continue and something else is 417', async (t) => {
    const { port } = await startServer(t);
    const wire = await Wire.open(port, head('/users', '100-continue, tea'));
    assertError(await wire.answer(), 417);
    wire.end();
  });
});
