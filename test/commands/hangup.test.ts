// SIGHUP, which a terminal sends to its programs when it is closed.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { serve } from '../support/process/command.ts';
import { atTerminal, noTerminal } from '../support/process/terminal.ts';
import { send } from '../support/server/server.ts';

function settingsFor(folder: string) {
  return { PORT: '0', DATABASE_URL: `file:${folder}/jot.jsonl`, LOG: 'json' };
}

describe('jot serve: SIGHUP', () => {
  it('shuts down when its terminal is closed (nrwl/nx-console 2969)', { skip: noTerminal }, async (t) => {
    const folder = temporaryFolder(t);
    const terminal = atTerminal(t, '$JOT & echo "process $!"; wait $!; echo "code $?"', settingsFor(folder));
    const [, pid] = await terminal.until(/process (\d+)/);
    await terminal.until(/"ready"/);
    process.kill(Number(pid), 'SIGHUP');
    await terminal.until(/"shutting down","signal":"SIGHUP"[\s\S]*"stopped"[\s\S]*code 0/);
    assert.deepEqual(readdirSync(folder).sort(), ['jot.jsonl', 'jot.keys.json']);
  });

  it('is ignored without a terminal, as nohup demands (nodejs/help 2101)', async (t) => {
    const cwd = temporaryFolder(t);
    const { command, port } = await serve(t, { cwd, env: settingsFor(cwd) });
    command.kill('SIGHUP');
    assert.equal((await send(port, 'GET', '/healthz')).status, 200);
    command.kill('SIGTERM');
    const { code, stdout } = await command.ended;
    assert.equal(code, 0);
    assert.match(stdout, /"shutting down","signal":"SIGTERM"/);
  });
});
