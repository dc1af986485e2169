// Starts that cannot end. A real process, one of whose threads is in a system call that never
// returns, as on a network file system without its server: here, `open` of a named pipe.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { realFileSystem } from '../../src/store/file/file-system.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';
import { jot } from '../support/process/command.ts';

/** Starts a server whose first `mkdir` never returns; resolves once it was called. */
async function startStuck(t: Cleanup) {
  const folder = temporaryFolder(t);
  execFileSync('mkfifo', [`${folder}/pipe`]);
  writeFileSync(
    `${folder}/stuck.mjs`,
    `import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { open } = fs.promises;
    fs.promises.mkdir = () => {
      console.log('stuck');
      return open(${JSON.stringify(`${folder}/pipe`)}, 'r');
    };
    syncBuiltinESMExports();`,
  );
  const env = {
    DATABASE_URL: `file:${folder}/new/jot.jsonl`,
    LOG: 'json',
    MAX_CONNECTIONS: '900',
    NODE_OPTIONS: `--import ${folder}/stuck.mjs`,
    PORT: '0',
  };
  const command = jot(t, [], { cwd: folder, env });
  await command.line(/^stuck$/);
  return command;
}

describe('a start that never ends', { concurrency: true }, () => {
  it('ends ten seconds after SIGTERM, with the reason in the log', async (t) => {
    const command = await startStuck(t);
    command.kill('SIGTERM');
    const { signal, stdout } = await command.ended;
    assert.equal(signal, 'SIGKILL');
    const messages = [...stdout.matchAll(/"message":"([^"]+)"/g)].map(([, message]) => message);
    assert.deepEqual(messages, [
      'shutting down',
      'the start did not finish in time and was abandoned',
      'stopped',
    ]);
  });

  it('ends immediately after a second signal', async (t) => {
    const command = await startStuck(t);
    command.kill('SIGTERM');
    await command.line(/shutting down/);
    command.kill('SIGINT');
    const { signal, stdout } = await command.ended;
    assert.equal(signal, 'SIGKILL');
    assert.doesNotMatch(stdout, /given up/);
  });
});

describe('makeFolder', () => {
  it('creates each missing folder with mode 0700', async (t) => {
    const folder = temporaryFolder(t);
    await realFileSystem.makeFolder(`${folder}/a/b/c`);
    for (const path of ['a', 'a/b', 'a/b/c']) {
      assert.equal(statSync(`${folder}/${path}`).mode & 0o777, 0o700);
    }
    await realFileSystem.makeFolder(`${folder}/a/b/c`);
  });

  it('lets two callers create the same folders concurrently', async (t) => {
    const folder = temporaryFolder(t);
    await Promise.all([1, 2, 3].map(() => realFileSystem.makeFolder(`${folder}/a/b/c`)));
    assert.deepEqual(readdirSync(`${folder}/a/b`), ['c']);
  });

  it('rejects below /proc, where nothing can be created', async (t) => {
    const env = { DATABASE_URL: 'file:/proc/x/y/jot.jsonl', LOG: 'text', PORT: '0' };
    const { code, stderr } = await jot(t, [], { cwd: temporaryFolder(t), env }).ended;
    assert.equal(code, 1);
    assert.match(stderr, /ENOENT: no such file or directory, mkdir '\/proc\/x'/);
  });
});
