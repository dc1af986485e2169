// Dear requests that come at once, over real sockets: they are worked on in turns of their own, and so is what else there is.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { anyone, type Endpoint, endpoint } from '../../src/api/endpoint.ts';
import { TurnQueue } from '../../src/http/turn-queue.ts';
import { object, text } from '../../src/schema/schema.ts';
import { startPipeline } from '../support/server/pipeline.ts';
import { Wire } from '../support/server/wire.ts';

const CLIENTS = 5;
const KIB = 1024;

const common = { path: '/', group: 'test', summary: 'Test', access: anyone, status: 200 } as const;

/** Counts the turns of the event loop. */
function countTurns(t: TestContext): { turn: number } {
  const counter = { turn: 0 };
  let isOver = false;
  t.after(() => {
    isOver = true;
  });
  const count = () => {
    counter.turn++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  return counter;
}

/** Connections that have been accepted, which takes Node a turn for each: a first request was answered on them. */
async function connected(port: number, count = CLIENTS): Promise<Wire[]> {
  const wires = await Promise.all(
    Array.from({ length: count }, () => Wire.open(port, 'HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n')),
  );
  for (const wire of wires) await wire.answer('HEAD');
  return wires;
}

/** What each of the clients is answered who ask for it at once. */
async function getTogether(
  t: TestContext,
  declared: Endpoint,
  turns: Parameters<typeof startPipeline>[2],
): Promise<{ it: string }[]> {
  const { port } = await startPipeline(t, [declared], turns);
  const wires = await connected(port);
  // They lie in the kernel before the loop turns.
  for (const wire of wires) wire.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const answers: { it: string }[] = [];
  for (const wire of wires) {
    answers.push((await wire.answer()).json);
    wire.reset();
  }
  return answers;
}

/** In how many turns bodies are handled that come to their ends together. */
async function turnsOfBodies(t: TestContext, length: number): Promise<number> {
  const counter = countTurns(t);
  const found: number[] = [];
  const declared = endpoint({
    ...common,
    method: 'POST',
    body: object({ it: text() }),
    response: object({ length: text() }),
    async handle({ body }) {
      found.push(counter.turn);
      return { length: String(body.it.length) };
    },
  });
  const { port } = await startPipeline(t, [declared], { bodyTurns: new TurnQueue(1) });
  const body = JSON.stringify({ it: 'x'.repeat(length) });
  const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const wires = await connected(port);
  for (const wire of wires) wire.write(head + body.slice(0, -1));
  // They were read before this is.
  await connected(port, 1);
  for (const wire of wires) wire.write(body.slice(-1));
  for (const wire of wires) {
    assert.deepEqual((await wire.answer()).json, { length: String(length) });
    wire.reset();
  }
  return new Set(found).size;
}

describe('bodyTurns', () => {
  it('parses long bodies in separate turns', async (t) => {
    assert.equal(await turnsOfBodies(t, 20 * KIB), CLIENTS);
  });

  it('parses short bodies in shared turns', async (t) => {
    assert.ok((await turnsOfBodies(t, 10)) < CLIENTS);
  });
});

/** In how many turns answers are put into words that are due together. */
async function turnsOfAnswers(t: TestContext, length: number): Promise<number> {
  const counter = countTurns(t);
  const found: number[] = [];
  const declared = endpoint({
    ...common,
    method: 'GET',
    response: object({ it: text() }),
    handle: async () => ({ it: 'x'.repeat(length) }),
    state() {
      found.push(counter.turn);
      return 'state';
    },
  });
  for (const { it } of await getTogether(t, declared, { responseTurns: new TurnQueue(1) }))
    assert.equal(it.length, length);
  return new Set(found).size;
}

describe('responseTurns', () => {
  it('serializes long responses in separate turns', async (t) => {
    assert.equal(await turnsOfAnswers(t, 20 * KIB), CLIENTS);
  });

  it('serializes short responses in shared turns', async (t) => {
    assert.ok((await turnsOfAnswers(t, 10)) < CLIENTS);
  });
});

describe('HttpServerOptions.turns', () => {
  for (const [piecesMax, isSpread] of [
    [1, true],
    [CLIENTS, false],
  ] as const) {
    it(`${isSpread ? 'handles' : 'does not handle'} requests in separate turns if each may hold ${piecesMax}`, async (t) => {
      const counter = countTurns(t);
      const found: number[] = [];
      const declared = endpoint({
        ...common,
        method: 'GET',
        response: object({ it: text() }),
        async handle() {
          found.push(counter.turn);
          return { it: 'here' };
        },
      });
      for (const answer of await getTogether(t, declared, { turns: new TurnQueue(piecesMax) }))
        assert.deepEqual(answer, { it: 'here' });
      assert.equal(new Set(found).size === CLIENTS, isSpread);
    });
  }
});
