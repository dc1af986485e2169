// How little the server needs: the modes of what it makes, whom it connects to, Node's permission model, and the systemd unit
// that Jot ships. Real processes, since a process is what is given permissions.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { jot, type Served, serve, start } from '../support/process/command.ts';
import { skipWithout } from '../support/process/tools.ts';
import { send } from '../support/server/server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const MATT = { username: 'matt', password: 'foo' };

/** A module of JavaScript as one argument, to be run first. */
function first(source: string): string {
  return `--import=data:text/javascript;base64,${Buffer.from(source).toString('base64')}`;
}

function optionsFor(folder: string, more: Record<string, string>) {
  const env = {
    PORT: '0',
    PASSWORD_COST: 'ln=1,r=1,p=1',
    LOG: 'off',
    DATABASE_URL: `file:${folder}/data/jot.jsonl`,
  };
  return { cwd: folder, env: { ...env, ...more } };
}

/** What a server is there for. */
async function use({ port }: Served): Promise<void> {
  await send(port, 'POST', '/signup', { json: MATT });
  const { status, json } = await send(port, 'POST', '/auth', { json: MATT });
  assert.equal(status, 200);
  const token = json.access_token;
  const post = { title: 'First', body: 'Hello' };
  assert.equal((await send(port, 'POST', '/users/1/posts', { token, json: post })).status, 201);
  assert.equal((await send(port, 'GET', '/users/1/posts', { token })).json.at(-1).title, 'First');
  for (const path of ['/', '/openapi.json', '/healthz', '/readyz', '/metrics', '/users']) {
    assert.equal((await send(port, 'GET', path)).status, 200, path);
  }
}

function modesIn(folder: string): Record<string, string> {
  const entries = readdirSync(folder).map((name) => {
    const stats = lstatSync(`${folder}/${name}`);
    const kind = stats.isSocket() ? 'socket' : 'file';
    const stem = name.replace(/\.torn-.*/, '.torn').replace(/\.lock-.*/, '.lock');
    return [stem, `${kind} ${(stats.mode & 0o777).toString(8)}`];
  });
  return Object.fromEntries(entries);
}

/** Serves, is killed in the middle of a write, and serves again. */
async function crashAndServe(t: Parameters<typeof serve>[0], folder: string, umask: string): Promise<void> {
  const options = optionsFor(folder, { NODE_OPTIONS: first(`process.umask(0o${umask});`) });
  const served = await serve(t, options);
  await use(served);
  served.command.kill('SIGKILL');
  await served.command.ended;
  appendFileSync(`${folder}/data/jot.jsonl`, '{"seq":99,"ti');
  await use(await serve(t, options));
}

describe('modes of files and folders', () => {
  it('are 0600, of the socket too, and 0700, with a umask that would let everybody in', async (t) => {
    const folder = temporaryFolder(t);
    await crashAndServe(t, folder, '000');
    assert.deepEqual(modesIn(`${folder}/data`), {
      'jot.jsonl': 'file 600',
      'jot.jsonl.lock': 'socket 600',
      'jot.jsonl.torn': 'file 600',
      'jot.keys.json': 'file 600',
    });
    assert.equal((lstatSync(`${folder}/data`).mode & 0o777).toString(8), '700');
  });

  it('would be seen', (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(`${folder}/lax`, '', { mode: 0o644 });
    assert.deepEqual(modesIn(folder), { lax: 'file 644' });
  });
});

// Every way out of a process that Node offers ends in one of these.
const WATCH = `
import dgram from 'node:dgram';
import dns from 'node:dns';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
const tell = (what, to) => fs.writeSync(2, 'OUT ' + what + ' ' + JSON.stringify(to) + '\\n');
const watch = (object, name, what, of) => {
  const own = object[name];
  object[name] = function (...args) { tell(what, of(args)); return own.apply(this, args); };
};
watch(net.Socket.prototype, 'connect', 'connect', ([to]) => (Array.isArray(to) ? to[0] : to));
watch(dgram, 'createSocket', 'datagram', () => null);
for (const name of ['lookup', 'resolve', 'resolve4', 'resolve6', 'resolveAny', 'lookupService', 'reverse']) {
  watch(dns, name, 'dns', ([to]) => to);
  if (name in dns.promises) watch(dns.promises, name, 'dns', ([to]) => to);
}
syncBuiltinESMExports();
`;

function waysOut(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line.startsWith('OUT '));
}

describe('connections to others', () => {
  it('are none, but to a lock beside the data file', async (t) => {
    const folder = temporaryFolder(t);
    const options = optionsFor(folder, { NODE_OPTIONS: first(WATCH) });
    const killed = await serve(t, options);
    await use(killed);
    killed.command.kill('SIGKILL');
    assert.deepEqual(
      waysOut((await killed.command.ended).stderr).filter((line) => !isOwn(line)),
      [],
    );

    // Now there is a leftover to ask.
    const served = await serve(t, options);
    await use(served);
    served.command.kill('SIGTERM');
    const { code, stderr } = await served.command.ended;
    assert.equal(code, 0);
    const [asked = '', ...others] = waysOut(stderr).filter((line) => !isOwn(line));
    assert.match(asked, /^OUT connect \{"path":"[^"]*\/data\/jot\.jsonl\.lock-[0-9a-f]{12}"\}$/);
    assert.deepEqual(others, []);
  });

  const programs: readonly [what: string, source: string][] = [
    ['connect', "net.connect(1, '127.0.0.1').on('error', () => undefined)"],
    ['connect', "http.get('http://127.0.0.1:1/').on('error', () => undefined)"],
    ['connect', "fetch('http://127.0.0.1:65535/').catch(() => undefined)"],
    ['connect', "tls.connect(1, '127.0.0.1').on('error', () => undefined)"],
    ['dns', "dns.lookup('localhost', () => undefined)"],
    ['datagram', "dgram.createSocket('udp4').close()"],
  ];
  for (const [what, source] of programs) {
    it(`would be seen: ${source}`, async (t) => {
      const { stderr } = await start(t, [first(WATCH), '--eval', source]).ended;
      assert.ok(
        waysOut(stderr).some((line) => line.startsWith(`OUT ${what} `)),
        stderr,
      );
    });
  }
});

// To listen on an address looks it up, which asks nobody; and on Node 20 the tool that reads TypeScript talks to itself.
function isOwn(line: string): boolean {
  return line === 'OUT dns "127.0.0.1"' || /^OUT connect \{"path":"[^"]*\/tsx-\d+\/\d+\.pipe"\}$/.test(line);
}

const hasPermissions = process.allowedNodeEnvironmentFlags.has('--permission');

describe('the permission model of Node', {
  skip: hasPermissions ? false : 'this version of Node has none that is stable',
}, () => {
  // Newer versions count the network among the permissions.
  const network = process.allowedNodeEnvironmentFlags.has('--allow-net') ? ' --allow-net' : '';
  const allow = (...folders: string[]) =>
    `--permission${network} ${folders.map((folder) => `--allow-fs-read=${folder}`).join(' ')}`;

  it('lets a server in memory run that may read its own files and write none', async (t) => {
    const folder = temporaryFolder(t);
    const more = { DATABASE_URL: 'memory:', NODE_OPTIONS: allow(root, folder) };
    const served = await serve(t, optionsFor(folder, more));
    await use(served);
    served.command.kill('SIGTERM');
    const { code } = await served.command.ended;
    assert.deepEqual([code, readdirSync(folder)], [0, []]);
  });

  it('lets one with a data file run that may write in its folder, and keeps what it is told', async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(`${folder}/data`);
    const more = { NODE_OPTIONS: `${allow(root, folder)} --allow-fs-write=${folder}/data/` };
    const served = await serve(t, optionsFor(folder, more));
    await use(served);
    served.command.kill('SIGKILL');
    await served.command.ended;
    const again = await serve(t, optionsFor(folder, more));
    const { status, json } = await send(again.port, 'GET', '/users');
    assert.equal(status, 200);
    assert.ok(json.length > 0);
  });

  it('stops one with a data file that may not write, with a clear message', async (t) => {
    const folder = temporaryFolder(t);
    mkdirSync(`${folder}/data`);
    const { code, stderr } = await jot(t, [], optionsFor(folder, { NODE_OPTIONS: allow(root, folder) }))
      .ended;
    assert.equal(code, 1);
    const says = /^jot: Can't open the data file \S+: Access to this API has been restricted/;
    assert.match(stderr.split('\n').find((line) => line.startsWith('jot: ')) ?? stderr, says);
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack');
  });
});

describe('the systemd unit that Jot ships', () => {
  const unit = readFileSync(`${root}scripts/deploy/jot.service`, 'utf8');

  it('gives no write access but to its own folder, and no way to more', () => {
    for (const line of [
      'DynamicUser=yes',
      'ProtectSystem=strict',
      'NoNewPrivileges=yes',
      'CapabilityBoundingSet=',
    ]) {
      assert.ok(unit.split('\n').includes(line), line);
    }
    assert.doesNotMatch(unit, /^(?:ReadWritePaths|MemoryDenyWriteExecute|User=root)/m);
  });

  it('keeps trying to start, whatever is in the way', () => {
    for (const line of ['Restart=on-failure', 'RestartSec=5', 'StartLimitIntervalSec=0']) {
      assert.ok(unit.split('\n').includes(line), line);
    }
  });

  it('is not restarted after a damaged file or a wrong setting, but after a port in use', async (t) => {
    const [, kept = ''] = /^RestartPreventExitStatus=(.+)$/m.exec(unit) ?? [];
    const folder = temporaryFolder(t);
    mkdirSync(`${folder}/data`);
    writeFileSync(`${folder}/data/jot.jsonl`, '[]');
    const { port } = await serve(t, optionsFor(folder, { DATABASE_URL: 'memory:' }));
    const isRestarted = async (settings: Record<string, string>) => {
      const { code } = await jot(t, [], optionsFor(folder, settings)).ended;
      return !kept.split(' ').includes(String(code));
    };
    assert.equal(await isRestarted({}), false, 'a damaged file');
    assert.equal(await isRestarted({ PORT: 'x' }), false, 'a wrong setting');
    assert.equal(await isRestarted({ DATABASE_URL: 'memory:', PORT: String(port) }), true);
  });

  const verify = (folder: string, text: string): string => {
    // The program that it names need not be on this machine.
    const runnable = text.replace('/usr/bin/node', process.execPath);
    writeFileSync(`${folder}/jot.service`, runnable);
    const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', `${folder}/jot.service`]);
    return `${stdout}${stderr}`
      .split('\n')
      .filter((line) => line.includes('jot.service'))
      .join('\n');
  };

  it('is one that systemd understands', { skip: skipWithout(['systemd-analyze', '--version']) }, (t) => {
    const folder = temporaryFolder(t);
    assert.equal(verify(folder, unit), '');
    assert.match(verify(folder, unit.replace('ProtectHome=yes', 'ProtectHomes=yes')), /ProtectHomes/);
    assert.match(verify(folder, unit.replace('ProtectHome=yes', 'ProtectHome=perhaps')), /perhaps/);
  });
});
