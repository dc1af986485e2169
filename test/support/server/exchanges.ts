// Runs a table of requests, byte for byte, each with the status that a section of a standard demands. After each of them
// the next request must be answered: on the same connection if that stays open, and on a new one.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startServer } from './server.ts';
import { assertError, Wire } from './wire.ts';

export const HOST = 'Host: localhost\r\n';
const HEALTH = `GET /healthz HTTP/1.1\r\n${HOST}\r\n`;

/** `open`: the connection serves another request; `closed`: it is announced as closed, and closed. */
export type Fate = 'open' | 'closed';
export type ExchangeRow = readonly [item: string, request: string, status: number, fate: Fate];

export function testExchanges(rows: readonly ExchangeRow[]): void {
  for (const [item, request, status, fate] of rows) {
    it(`${item}: ${status}, ${fate}`, async (t) => {
      const { port, call } = await startServer(t);
      const wire = await Wire.open(port, Buffer.from(request, 'latin1'));
      const answer = await wire.answer();
      if (status < 400) assert.equal(answer.status, status, answer.text);
      else assertError(answer, status, status === 401 ? 'Authorization Required' : undefined);
      assert.equal(answer.headers.connection, fate === 'open' ? 'keep-alive' : 'close');
      if (fate === 'open') {
        wire.write(HEALTH);
        assert.equal((await wire.answer()).status, 200);
        wire.end();
      }
      await wire.closed;
      assert.equal(wire.unread, '');
      assert.equal((await call('GET', '/healthz')).status, 200);
    });
  }
}
