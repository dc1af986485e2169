// A server that may open few files, and a crowd of idle clients that would take them all.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { callHolder } from '../../src/control/lock.ts';
import { connectionsPossible } from '../../src/http/descriptors.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { serve } from '../support/process/command.ts';
import { send } from '../support/server/server.ts';

const DESCRIPTORS_MAX = 256;
const onLinuxOnly = process.platform === 'linux' ? {} : { skip: 'only Linux has /proc/self/limits' };

describe('connectionsPossible', () => {
  const cases: readonly (readonly [what: string, limits: string, possible: number])[] = [
    ['a limit', 'Max processes 7 7\nMax open files            1024                 4096      files', 960],
    ['a limit below what is reserved', 'Max open files 50 50 files', 1],
    ['no limit', 'Max open files unlimited unlimited files', Number.POSITIVE_INFINITY],
  ];
  for (const [what, limits, possible] of cases) {
    it(`leaves descriptors for files, with ${what}`, (t) => {
      const path = `${temporaryFolder(t)}/limits`;
      writeFileSync(path, limits);
      assert.equal(connectionsPossible(path), possible);
    });
  }

  it('is infinite where the limit cannot be read', (t) => {
    assert.equal(connectionsPossible(`${temporaryFolder(t)}/none`), Number.POSITIVE_INFINITY);
  });
});

describe('MAX_CONNECTIONS above `ulimit -n`', onLinuxOnly, () => {
  it('is lowered with a warning, so that a crowd leaves descriptors for writes and compactions', async (t) => {
    const folder = temporaryFolder(t);
    const path = `${folder}/jot.jsonl`;
    const env = { PORT: '0', DATABASE_URL: `file:${path}`, PASSWORD_COST: 'ln=1,r=1,p=1', LOG: 'json' };
    const { command, port } = await serve(t, { cwd: folder, env, descriptorsMax: DESCRIPTORS_MAX });
    assert.match(await command.line(/MAX_CONNECTIONS/), /"level":"warn".*"connections":192\b/);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const signUp = async (username: string) => {
      const { status } = await send(port, 'POST', '/users', { json: { username, password: 'x' }, agent });
      return status;
    };
    assert.equal(await signUp('matt'), 201);

    const crowd = Array.from({ length: DESCRIPTORS_MAX + 50 }, () => connect(port, '127.0.0.1'));
    // The server closes the first ones that are too many.
    await Promise.race(
      crowd.map((socket) => new Promise((resolve) => socket.on('error', resolve).once('close', resolve))),
    );
    assert.equal(await signUp('elie'), 201);
    assert.match((await callHolder(path, 'compact'))?.response ?? '', /^ok /);
    assert.equal(await signUp('tim'), 201);
    assert.equal((await send(port, 'GET', '/readyz', { agent })).status, 200);
    for (const socket of crowd) socket.destroy();
  });

  it('is kept if there are enough descriptors', async (t) => {
    const folder = temporaryFolder(t);
    const env = { PORT: '0', DATABASE_URL: 'memory:', MAX_CONNECTIONS: '192', LOG: 'json' };
    const { command } = await serve(t, { cwd: folder, env, descriptorsMax: DESCRIPTORS_MAX });
    command.kill('SIGTERM');
    assert.doesNotMatch((await command.ended).stdout, /MAX_CONNECTIONS/);
  });
});
