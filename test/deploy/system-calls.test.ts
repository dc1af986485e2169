// The server under the system call filter of jot.service. systemd applies the filter with
// libseccomp, and so does this test, with the lists of calls that systemd has. A forbidden call
// kills the process with SIGSYS.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { jot, serve } from '../support/process/command.ts';
import { skipWithout } from '../support/process/tools.ts';
import { send } from '../support/server/server.ts';

const PYTHON = '/usr/bin/python3';
// libseccomp may be older than systemd and lack a call that systemd lists.
const FILTER = `
import os, seccomp, sys
end = sys.argv.index('--')
calls = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
for name in sys.argv[1:end]:
    try:
        calls.add_rule(seccomp.ALLOW, name)
    except RuntimeError:
        pass
calls.load()
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
`;

const unit = readFileSync(new URL('../../scripts/deploy/jot.service', import.meta.url), 'utf8');
const groups = /^SystemCallFilter=(.*)$/m.exec(unit)?.[1]?.split(' ') ?? [];
const skip = skipWithout([PYTHON, '-c', 'import seccomp'], ['systemd-analyze', '--version']);

describe('SystemCallFilter in jot.service', { skip }, () => {
  it('lets the server start, write, compact its file and stop', async (t) => {
    const folder = temporaryFolder(t);
    const env = { PORT: '0', DATABASE_URL: `file:${folder}/jot.jsonl`, NODE_ENV: 'production' };
    const wrapper = filterOf(groups);
    const { command, port } = await serve(t, { cwd: folder, env, wrapper });

    const matt = { username: 'matt', password: 'correct horse' };
    assert.equal((await send(port, 'POST', '/signup', { json: matt })).status, 201);
    const token = (await send(port, 'POST', '/auth', { json: matt })).json.access_token;
    const post = { title: 'First', body: 'Hello' };
    assert.equal((await send(port, 'POST', '/users/1/posts', { token, json: post })).status, 201);
    assert.equal((await jot(t, ['compact'], { cwd: folder, env, wrapper }).ended).code, 0);

    command.kill('SIGTERM');
    assert.equal((await command.ended).code, 0);
  });

  for (const group of ['@network-io', '@pkey']) {
    // Known of Node 20; the V8 of another version may do without memory protection keys.
    if (group === '@pkey' && !process.version.startsWith('v20.')) continue;
    it(`would kill the server without ${group}`, async (t) => {
      const folder = temporaryFolder(t);
      const wrapper = filterOf(groups, group);
      const env = { PORT: '0', DATABASE_URL: 'memory:' };
      const { signal } = await jot(t, [], { cwd: folder, env, wrapper }).ended;
      assert.equal(signal, 'SIGSYS');
    });
  }
});

/** Returns the command line that runs a program with the calls of the groups, without one group. */
function filterOf(names: readonly string[], without = ''): string[] {
  const { stdout } = spawnSync('systemd-analyze', ['syscall-filter'], { encoding: 'utf8' });
  const lists = new Map(
    stdout.split(/^(?=@)/m).map((list) => {
      const [name = '', ...lines] = list.split('\n').map((line) => line.trim());
      return [name, lines.filter((line) => /^@?\w/.test(line))];
    }),
  );
  const callsOf = (name: string): string[] => {
    if (!name.startsWith('@')) return [name];
    return name === without ? [] : (lists.get(name) ?? []).flatMap(callsOf);
  };
  return [PYTHON, '-c', FILTER, ...names.flatMap(callsOf), '--'];
}
