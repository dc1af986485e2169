// Ending under load, with real processes, signals and files: what was answered for is in the file, what was begun is finished
// or cut at the deadline, and nothing is left lying about.

import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { openStore, type User } from '../../src/store/open.ts';
import { linesWith } from '../support/disk/records.ts';
import { userNamed } from '../support/disk/stores.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';
import { type Served, serve } from '../support/process/command.ts';
import { send } from '../support/server/server.ts';
import { Wire } from '../support/server/wire.ts';

const CLIENTS = 8;
const HEALTH = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
const LEFT = ['jot.jsonl', 'jot.keys.json'];

function signUp(username: string, lines = ''): string {
  const body = JSON.stringify({ username, password: 'secret' });
  const head = `POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${lines}`;
  return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
}

async function serveIn(t: Cleanup, folder: string, settings = {}): Promise<Served> {
  const quiet = { LOG: 'off', PASSWORD_COST: 'ln=1,r=1,p=1', RATE_LIMIT: 'off', RATE_LIMIT_AUTH: 'off' };
  const env = { ...quiet, PORT: '0', DATABASE_URL: `file:${folder}/jot.jsonl`, ...settings };
  return serve(t, { cwd: folder, env });
}

/** A request that the server works on: it asked for the body, and has all of it but the last byte. */
async function begun({ port }: Served, username: string): Promise<{ wire: Wire; rest: string }> {
  const request = signUp(username, 'Expect: 100-continue\r\n');
  const wire = await Wire.open(port, request.slice(0, -1));
  assert.equal((await wire.answer()).status, 100);
  return { wire, rest: request.slice(-1) };
}

/** Resolves as soon as the server has begun to end: an idle connection is cut first of all. */
async function ending({ command, port }: Served, signal: NodeJS.Signals): Promise<void> {
  const idle = await Wire.open(port, HEALTH);
  assert.equal((await idle.answer()).status, 200);
  command.kill(signal);
  await idle.closed;
}

async function usersIn(t: Cleanup, folder: string): Promise<Set<string>> {
  const store = await openStore(`file:${folder}/jot.jsonl`);
  t.after(() => store.close());
  const { rows } = await store.users.list({ limit: 100_000, after: 0, order: 'asc' });
  return new Set(rows.map(({ username }) => username));
}

describe('A signal under load', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal}: no write that was answered for is lost, exit code 0, no lock`, async (t) => {
      const folder = temporaryFolder(t);
      const served = await serveIn(t, folder);
      const acknowledged: string[] = [];
      const unanswered: string[] = [];
      const write = async (client: number) => {
        for (let count = 0; ; count++) {
          const username = `user-${client}-${count}`;
          const answer = await send(served.port, 'POST', '/users', {
            json: { username, password: 'secret' },
          }).catch(() => null);
          if (answer?.status !== 201) {
            unanswered.push(username);
            return;
          }
          acknowledged.push(username);
          // In the middle of everything, whatever the others are doing.
          if (acknowledged.length === 40) served.command.kill(signal);
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, (_, client) => write(client)));
      const { code, stderr } = await served.command.ended;
      assert.deepEqual([code, stderr], [0, '']);
      assert.deepEqual(readdirSync(folder).sort(), LEFT);

      const kept = await usersIn(t, folder);
      assert.ok(acknowledged.length >= 40);
      for (const username of acknowledged) assert.ok(kept.has(username), `${username} was answered for`);
      assert.equal(unanswered.length, CLIENTS);
      assert.ok(kept.size <= acknowledged.length + unanswered.length, 'nothing that nobody asked for');
    });
  }

  it('what is under way is finished: each is answered, and kept', async (t) => {
    const folder = temporaryFolder(t);
    const served = await serveIn(t, folder);
    const names = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    const requests = await Promise.all(names.map((name) => begun(served, name)));
    await ending(served, 'SIGTERM');
    for (const { wire, rest } of requests) wire.write(rest);
    for (const { wire } of requests) {
      const { status, headers } = await wire.answer();
      assert.deepEqual([status, headers.connection], [201, 'close']);
      assert.equal(await wire.closed, 'end');
    }
    assert.equal((await served.command.ended).code, 0);
    assert.deepEqual([...(await usersIn(t, folder))].sort(), names.sort());
  });

  it('what never ends is cut at the deadline: exit code 0, no lock, no trace of it', async (t) => {
    const folder = temporaryFolder(t);
    const served = await serveIn(t, folder);
    const half = await begun(served, 'half');
    const { wire, rest } = await begun(served, 'whole');
    const head = await Wire.open(served.port, HEALTH.slice(0, -2));
    await ending(served, 'SIGTERM');
    wire.write(rest);
    assert.equal((await wire.answer()).status, 201);
    await Promise.all([half.wire.closed, head.closed]);
    for (const cut of [half.wire, head]) await assert.rejects(cut.answer(), /^Error: No answer/);
    assert.equal((await served.command.ended).code, 0);
    assert.deepEqual(readdirSync(folder).sort(), LEFT);
    assert.deepEqual([...(await usersIn(t, folder))], ['whole']);
  });

  it('a hash: that would take a day delays neither a login nor the end', async (t) => {
    const folder = temporaryFolder(t);
    const password_hash = '$scrypt$ln=10,r=8,p=262144$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA';
    const row: User = { id: 1, version: 1, ...userNamed('matt'), password_hash };
    const lines = linesWith([{ put: 'users', row }]);
    writeFileSync(`${folder}/jot.jsonl`, lines.join(''));
    const served = await serveIn(t, folder);
    const json = { username: 'matt', password: 'secret' };
    assert.equal((await send(served.port, 'POST', '/auth', { json })).status, 401);
    assert.equal(
      (await send(served.port, 'POST', '/auth', { json: { ...json, username: 'x' } })).status,
      401,
    );
    served.command.kill('SIGTERM');
    assert.equal((await served.command.ended).code, 0);
  });

  it('the most expensive hash: in progress does not keep the process from ending', async (t) => {
    const folder = temporaryFolder(t);
    const served = await serveIn(t, folder, { PASSWORD_COST: 'ln=18,r=8,p=1', HASH_CONCURRENCY: '1' });
    const wire = await Wire.open(served.port, signUp('matt'));
    while (!/^jot_hashes_running 1$/m.test((await send(served.port, 'GET', '/metrics')).text));
    await ending(served, 'SIGTERM');
    // On a busy machine the hash takes longer than requests in progress have.
    await wire.closed;
    assert.equal((await served.command.ended).code, 0);
    assert.deepEqual(readdirSync(folder).sort(), LEFT);
  });

  it('a second one exits at once with 1, and what was answered for is kept', async (t) => {
    const folder = temporaryFolder(t);
    const served = await serveIn(t, folder);
    const { status } = await send(served.port, 'POST', '/users', {
      json: { username: 'matt', password: 'x' },
    });
    assert.equal(status, 201);
    const half = await begun(served, 'half');
    await ending(served, 'SIGTERM');
    served.command.kill('SIGINT');
    // In order it would have ended with 0.
    assert.equal((await served.command.ended).code, 1);
    await half.wire.closed;
    assert.deepEqual([...(await usersIn(t, folder))], ['matt']);
  });
});
