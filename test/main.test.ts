// The `jot` command as its user meets it: a real process with real signals, ports and files.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { encodeChange, encodeHeader } from '../src/store/file/record.ts';
import { VERSION } from '../src/version.ts';
import { linesWithUsers, TIME } from './support/disk/records.ts';
import { postOf } from './support/disk/stores.ts';
import { type Cleanup, temporaryFolder } from './support/disk/temporary-folder.ts';
import { type CommandOptions, jot, type Served, serve } from './support/process/command.ts';
import { withoutOthers, withoutPlace } from './support/process/world.ts';
import { type CallOptions, send } from './support/server/server.ts';

const MATT = { username: 'matt', password: 'foo' };
const NO_USER = /^jot: "user" is not the name of a command\n\nUsage: jot \[command\]\n((?!hunter2)[\s\S])+$/;
const USAGE = /^Usage: jot \[command\]\n/;

/** Settings for a server whose files are in that folder, which it runs in: a `.env` of the project's own is not read. */
function settingsFor(folder: string, more: Record<string, string> = {}): CommandOptions {
  const env = {
    PORT: '0',
    DATABASE_URL: `file:${folder}/jot.jsonl`,
    PASSWORD_COST: 'ln=1,r=1,p=1',
    MAX_CONNECTIONS: '900',
    LOG: 'off',
  };
  return { cwd: folder, env: { ...env, ...more } };
}

async function signUp({ port }: Served): Promise<void> {
  const { status } = await send(port, 'POST', '/signup', { json: MATT });
  assert.equal(status, 201);
}

async function signIn({ port }: Served): Promise<string> {
  const { status, json } = await send(port, 'POST', '/auth', { json: MATT });
  assert.equal(status, 200);
  return json.access_token;
}

async function statusOf({ port }: Served, path: string, options?: CallOptions): Promise<number> {
  return (await send(port, 'GET', path, options)).status;
}

/** Asks the server to end; it does so in order. */
async function stop({ command }: Served): Promise<void> {
  command.kill('SIGTERM');
  assert.deepEqual(await command.ended.then(({ code, signal, stderr }) => ({ code, signal, stderr })), {
    code: 0,
    signal: null,
    stderr: '',
  });
}

function kidOf(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
}

/** A request whose body does not come: the server has begun to wait for it once this resolves. */
async function hangingRequest(t: Cleanup, { port }: Served, body: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => socket.destroy());
  t.after(() => socket.destroy());
  socket.write('POST /signup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n');
  socket.write(`Expect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`);
  const [first] = await once(socket, 'data');
  assert.match(String(first), /^HTTP\/1\.1 100 Continue\r\n/);
  return socket;
}

/** A connection on which nothing happens, and that is cut as soon as the server begins to end. */
async function idleConnection({ port }: Served): Promise<{ readonly cut: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1').resume();
  await once(socket, 'connect');
  socket.on('error', () => socket.destroy());
  return { cut: new Promise((resolve) => socket.once('close', resolve)) };
}

// Each test has a folder and processes of its own, and waits most of the time.
describe('jot', { concurrency: 4 }, () => {
  describe('jot serve', () => {
    it('prints one line with its URL when it is ready', async (t) => {
      const folder = temporaryFolder(t);
      const served = await serve(t, settingsFor(folder));
      assert.match(served.url, /^http:\/\/127\.0\.0\.1:\d+$/);
      assert.equal(await statusOf(served, '/readyz'), 200);
      await stop(served);
      const { stdout } = await served.command.ended;
      assert.match(stdout, /^Jot is ready at [^\n]+\n$/);
    });

    for (const host of ['0.0.0.0', '::']) {
      it(`prints a URL that works if HOST is ${host}`, async (t) => {
        const { url } = await serve(t, settingsFor(temporaryFolder(t), { HOST: host }));
        assert.match(url, /^http:\/\/localhost:\d+$/);
        assert.equal((await fetch(`${url}/healthz`)).status, 200);
      });
    }

    it('logs to standard output: warnings at the start, and each request', async (t) => {
      const options = settingsFor(temporaryFolder(t), { LOG: 'json', JWT_SECRET_KEY: 'short' });
      const served = await serve(t, options);
      assert.equal(await statusOf(served, '/users'), 200);
      await stop(served);
      const { stdout } = await served.command.ended;
      const [warned, made, ready, logged, ...last] = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      const { DATABASE_URL: data } = options.env ?? {};
      assert.deepEqual([made.level, made.message, `file:${made.path}`], ['info', 'data file made', data]);
      assert.deepEqual([ready.message, ready.url, ready.data], ['ready', served.url, data]);
      assert.equal(ready.version, VERSION);
      assert.equal(warned.level, 'warn');
      assert.match(warned.message, /JWT_SECRET_KEY holds a secret under 32 bytes/);
      assert.deepEqual([logged.path, logged.status], ['/users', 200]);
      assert.deepEqual(
        last.map(({ message, signal, requests, connections_cut }) => [
          message,
          signal ?? connections_cut,
          requests,
        ]),
        [
          ['shutting down', 'SIGTERM', 0],
          ['stopped', 0, undefined],
        ],
      );
    });

    it('logs as text that it created a data file, and its start and end of shutdown', async (t) => {
      const folder = temporaryFolder(t);
      const options = settingsFor(folder, { LOG: 'text' });
      const last = ['info shutting down signal=SIGTERM requests=0', 'info stopped connections_cut=0'];
      // The second time the file is there.
      for (const first of [[`info data file made path=${folder}/jot.jsonl`], []]) {
        const served = await serve(t, options);
        await stop(served);
        const lines = (await served.command.ended).stdout.trim().split('\n');
        const logged = lines.filter((line) => !line.startsWith('Jot is ready'));
        assert.deepEqual(
          logged.map((line) => line.replace(/^\S+ /, '')),
          [...first, ...last],
        );
      }
    });

    it('replaces the shell of `npm start`, so that a signal to npm ends it', () => {
      const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
      // Any other shell ends alone, and leaves the server running.
      for (const script of [scripts.start, scripts.jot]) assert.match(script, /^exec node /);
    });

    it('keeps running when its output is closed', async (t) => {
      const served = await serve(t, settingsFor(temporaryFolder(t), { LOG: 'text' }));
      served.command.stopReading();
      for (let count = 0; count < 5; count++) assert.equal(await statusOf(served, '/users'), 200);
      await stop(served);
      assert.equal((await served.command.ended).code, 0);
    });

    it('keeps rows and sessions across a restart', async (t) => {
      const options = settingsFor(temporaryFolder(t));
      const first = await serve(t, options);
      await signUp(first);
      const token = await signIn(first);
      await stop(first);

      const second = await serve(t, options);
      const { status, json } = await send(second.port, 'GET', '/auth', { token });
      assert.deepEqual([status, json.username], [200, 'matt']);
    });
  });

  describe('jot serve: .env', () => {
    it('reads it in the working directory, and the environment overrides it', async (t) => {
      const folder = temporaryFolder(t);
      const lines = ['PORT=0', 'DATABASE_URL="file:from-file.jsonl" # relative', 'LOG=off', 'CORS_ORIGIN=*'];
      writeFileSync(`${folder}/.env`, lines.join('\n'));
      const served = await serve(t, { cwd: folder, env: { DATABASE_URL: 'file:from-environment.jsonl' } });
      const { headers } = await send(served.port, 'GET', '/users');
      assert.equal(headers['access-control-allow-origin'], '*');
      assert.ok(readdirSync(folder).includes('from-environment.jsonl'));
      assert.ok(!readdirSync(folder).includes('from-file.jsonl'));
    });

    it('has no UV_THREADPOOL_SIZE, and a warning says so', async (t) => {
      const folder = temporaryFolder(t);
      writeFileSync(`${folder}/.env`, 'UV_THREADPOOL_SIZE=16\n');
      const served = await serve(t, settingsFor(folder, { LOG: 'text' }));
      await stop(served);
      const { stdout } = await served.command.ended;
      assert.match(stdout, / warn UV_THREADPOOL_SIZE has no effect in \.env .*\n/);
    });

    it('exits with 78 for wrong lines, which it names by number among the other wrong settings', async (t) => {
      const folder = temporaryFolder(t);
      writeFileSync(`${folder}/.env`, 'PORT 0\nPASSWORD_COST=1\nhunter2\n');
      const { PASSWORD_COST: _, ...env } = settingsFor(folder).env ?? {};
      const { code, stderr } = await jot(t, [], { cwd: folder, env }).ended;
      assert.equal(code, 78);
      assert.deepEqual(
        stderr.split('\n').map((line) => line.split(';')[0]),
        [
          'jot: Wrong settings:',
          '  .env, line 1 is not valid (its value is hidden here)',
          '  .env, line 3 is not valid (its value is hidden here)',
          '  PASSWORD_COST is "1"',
          '',
        ],
      );
      assert.deepEqual(readdirSync(folder), ['.env'], 'nothing was made');
    });

    it('does not stop a command that needs no settings', async (t) => {
      const folder = temporaryFolder(t);
      writeFileSync(`${folder}/.env`, 'PORT 0\n');
      assert.equal((await jot(t, ['version'], { cwd: folder }).ended).code, 0);
    });

    it('exits with 78 if it cannot be read', async (t) => {
      const folder = temporaryFolder(t);
      mkdirSync(`${folder}/.env`);
      const { code, stderr } = await jot(t, [], settingsFor(folder)).ended;
      assert.equal(code, 78);
      assert.match(
        stderr,
        /^jot: Wrong settings:\n {2}\.env is not valid .*a readable file: EISDIR[^\n]*\n$/,
      );
    });
  });

  describe('jot --env-file', () => {
    const write = (folder: string) => {
      writeFileSync(`${folder}/.env`, 'LOG=json\nPORT 1\n');
      writeFileSync(`${folder}/jot.env`, 'DATABASE_URL=file:other.jsonl\nPORT=0\nCORS_ORIGIN=*\n');
    };

    it('names the settings of the server, in place of .env', async (t) => {
      const folder = temporaryFolder(t);
      write(folder);
      for (const args of [['--env-file=jot.env'], ['serve', '--env-file', 'jot.env']]) {
        const command = jot(t, args, { cwd: folder });
        const url = /http:\S+/.exec(await command.line(/^Jot is ready/))?.[0] ?? '';
        assert.equal((await fetch(url)).headers.get('access-control-allow-origin'), '*');
        command.kill('SIGTERM');
        assert.equal((await command.ended).code, 0);
      }
      assert.ok(readdirSync(folder).includes('other.jsonl'));
    });

    it('names the settings of a command, before or after its name', async (t) => {
      const folder = temporaryFolder(t);
      write(folder);
      const option = '--env-file=jot.env';
      for (const args of [
        [option, 'user', 'create', 'matt'],
        ['user', 'create', 'elie', option],
        ['user', 'list', option],
      ]) {
        const command = jot(t, args, { cwd: folder, env: { PASSWORD_COST: 'ln=1,r=1,p=1' } });
        command.stdin.end('foo\n');
        assert.deepEqual(await command.ended.then(({ code }) => code), 0, args.join(' '));
      }
      assert.match(readFileSync(`${folder}/other.jsonl`, 'utf8'), /"matt"[\s\S]*"elie"/);
    });
  });

  describe('jot serve: failing starts', () => {
    it('names every wrong setting, of any source, and exits with 78', async (t) => {
      const folder = temporaryFolder(t);
      writeFileSync(`${folder}/.env`, 'HOST=a b\nMETRICS_TOKEN=not a token\n');
      const options = settingsFor(folder, { PORT: 'http', RATE_LIMIT: '1' });
      const { code, stdout, stderr } = await jot(t, [], options).ended;
      assert.deepEqual([code, stdout], [78, '']);
      assert.deepEqual(stderr.split('\n'), [
        'jot: Wrong settings:',
        '  HOST is "a b"; expected an address or a host name to listen on, without a port',
        '  PORT is "http"; expected an integer from 0 to 65535',
        '  RATE_LIMIT is "1"; expected `<tokens>/<s, m, h, d or a duration>`, neither of them 0, or `off`',
        '  METRICS_TOKEN is not valid (its value is hidden here); expected visible ASCII characters without spaces',
        '',
      ]);
      assert.deepEqual(readdirSync(folder), ['.env'], 'nothing was made');
    });

    it('logs one line of JSON to standard output in production, and nothing else', async (t) => {
      const folder = temporaryFolder(t);
      writeFileSync(`${folder}/jot.keys.json`, '{}');
      const production = { NODE_ENV: 'production', LOG: '' };
      const rows = [
        [{ ...production, PORT: 'http' }, 78, /^Wrong settings:\n {2}PORT is "http"; /],
        [{ LOG: 'json', HOST: '192.0.2.1' }, 1, /^Cannot listen with HOST=192\.0\.2\.1 /],
        [production, 1, /^Cannot use the key file /],
      ] as const;
      for (const [env, expected, reason] of rows) {
        const { code, stdout, stderr } = await jot(t, [], settingsFor(folder, env)).ended;
        assert.deepEqual([code, stderr], [expected, '']);
        const { level, message, ...fields } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
        assert.deepEqual([level, message, fields.exit_code], ['error', 'cannot start', expected]);
        assert.match(fields.reason, reason);
      }
    });

    for (const name of ['check', 'keys list', 'user list', 'user create matt']) {
      it(`exits with 78 for a wrong setting in \`jot ${name}\` too, with a sentence`, async (t) => {
        const options = settingsFor(temporaryFolder(t), { LOG: 'json', HOST: 'a b' });
        const { code, stdout, stderr } = await jot(t, name.split(' '), options).ended;
        assert.deepEqual([code, stdout], [78, '']);
        assert.match(stderr, /^jot: Wrong settings:\n {2}HOST is "a b"/);
      });
    }

    it('prints one line if the port is in use, and exits with 1', async (t) => {
      const folder = temporaryFolder(t);
      const other = createServer().listen(0, '127.0.0.1');
      await once(other, 'listening');
      t.after(() => other.close());
      const { port } = other.address() as AddressInfo;
      const { code, stdout, stderr } = await jot(t, [], settingsFor(folder, { PORT: String(port) })).ended;
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(
        stderr,
        new RegExp(`^jot: Cannot listen with HOST=127.0.0.1 and PORT=${port}: listen EADDRINUSE[^\n]*\n$`),
      );
    });

    it('prints one line if HOST is no address of this machine, and exits with 1', async (t) => {
      // RFC 5737: an address for documentation, which nobody has.
      const options = settingsFor(temporaryFolder(t), { HOST: '192.0.2.1' });
      const { code, stdout, stderr } = await jot(t, [], options).ended;
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(
        stderr,
        /^jot: Cannot listen with HOST=192\.0\.2\.1 and PORT=\d+: listen EADDRNOTAVAIL[^\n]*\n$/,
      );
    });

    it('names the process that holds the data file, exits with 1, and leaves that process running', async (t) => {
      const folder = temporaryFolder(t);
      const first = await serve(t, settingsFor(folder));
      const { code, stdout, stderr } = await jot(t, [], settingsFor(folder)).ended;
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^jot: [^\n]+\n$/);
      assert.ok(stderr.includes(`process ${first.command.pid}`), stderr);
      assert.ok(stderr.includes(`${folder}/jot.jsonl`), stderr);

      await signUp(first);
      assert.equal((await send(first.port, 'GET', '/users')).json.length, 1);
      await stop(first);
    });

    it('names the problem of the key file, exits with 1, and leaves it as it is', async (t) => {
      const folder = temporaryFolder(t);
      writeFileSync(`${folder}/jot.keys.json`, '{}');
      const { code, stdout, stderr } = await jot(t, [], settingsFor(folder)).ended;
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^jot: Cannot use the key file [^\n]+jot\.keys\.json: [^\n]+\n$/);
      assert.equal(readFileSync(`${folder}/jot.keys.json`, 'utf8'), '{}');
    });

    it('names the place of damage in the data file, exits with 65, and leaves it as it is', async (t) => {
      const folder = temporaryFolder(t);
      const damaged = '{"format":"jot","version":1,"seq":0,"next":{},"crc":"00000000"}\n';
      writeFileSync(`${folder}/jot.jsonl`, damaged);
      const { code, stderr } = await jot(t, [], settingsFor(folder)).ended;
      assert.equal(code, 65);
      assert.match(stderr, /^jot: [^\n]*line 1\b[^\n]*\n$/);
      assert.deepEqual(
        [readFileSync(`${folder}/jot.jsonl`, 'utf8'), readdirSync(folder)],
        [damaged, ['jot.jsonl']],
      );
    });
  });

  describe('jot serve: shutdown', () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      it(`exits with 0 on ${signal} and leaves data and keys, but no lock`, async (t) => {
        const folder = temporaryFolder(t);
        const served = await serve(t, settingsFor(folder));
        assert.equal(readdirSync(folder).length, 3, 'there is a lock meanwhile');
        served.command.kill(signal);
        const { code, stderr } = await served.command.ended;
        assert.deepEqual([code, stderr], [0, '']);
        assert.deepEqual(readdirSync(folder).sort(), ['jot.jsonl', 'jot.keys.json']);
      });
    }

    it('finishes the request in progress, and then closes its connection', async (t) => {
      const folder = temporaryFolder(t);
      const served = await serve(t, settingsFor(folder));
      const body = JSON.stringify(MATT);
      const socket = await hangingRequest(t, served, body);
      const { cut } = await idleConnection(served);
      served.command.kill('SIGTERM');
      await cut;

      let answer = '';
      socket.setEncoding('utf8').on('data', (text) => {
        answer += text;
      });
      socket.write(body);
      await once(socket, 'close');
      assert.match(answer, /^HTTP\/1\.1 201 Created\r\n/);
      assert.match(answer, /\r\nConnection: close\r\n/i);
      assert.equal((await served.command.ended).code, 0);

      assert.match(readFileSync(`${folder}/jot.jsonl`, 'utf8'), /"username":"matt"/);
    });

    it('exits immediately on a second signal, whatever hangs', async (t) => {
      const served = await serve(t, settingsFor(temporaryFolder(t)));
      await hangingRequest(t, served, JSON.stringify(MATT));
      const { cut } = await idleConnection(served);
      served.command.kill('SIGTERM');
      await cut;
      served.command.kill('SIGINT');
      // Had it waited for the request and its deadline, it would have ended in order, with 0.
      assert.equal((await served.command.ended).code, 1);
    });

    it('treats two simultaneous signals as one, as npm forwards a Ctrl-C', async (t) => {
      const served = await serve(t, settingsFor(temporaryFolder(t)));
      const body = JSON.stringify(MATT);
      const socket = await hangingRequest(t, served, body);
      const { cut } = await idleConnection(served);
      served.command.kill('SIGINT');
      served.command.kill('SIGINT');
      await cut;

      const [answer] = await Promise.all([once(socket.setEncoding('utf8'), 'data'), socket.write(body)]);
      assert.match(String(answer), /^HTTP\/1\.1 201 Created\r\n/);
      assert.equal((await served.command.ended).code, 0);
    });

    it('starts again immediately after a kill, with everything that it had acknowledged', async (t) => {
      const folder = temporaryFolder(t);
      const first = await serve(t, settingsFor(folder));
      await signUp(first);
      const token = await signIn(first);
      first.command.kill('SIGKILL');
      assert.equal((await first.command.ended).signal, 'SIGKILL');
      assert.equal(readdirSync(folder).length, 3, 'its lock is still there');

      const second = await serve(t, settingsFor(folder));
      assert.equal(await statusOf(second, '/users/1', { token }), 200);
      await stop(second);
      assert.deepEqual(readdirSync(folder).sort(), ['jot.jsonl', 'jot.keys.json']);
    });
  });

  describe('jot keys rotate', () => {
    it('makes another key sign, and keeps tokens of the older one valid', async (t) => {
      const folder = temporaryFolder(t);
      const first = await serve(t, settingsFor(folder));
      await signUp(first);
      const before = await signIn(first);
      const { code, stdout, stderr } = await jot(t, ['keys', 'rotate'], settingsFor(folder)).ended;
      assert.deepEqual([code, withoutPlace(stderr)], [0, '']);
      assert.match(stdout, /^[^\n]+\n$/);
      await stop(first);

      const second = await serve(t, settingsFor(folder));
      assert.equal(await statusOf(second, '/auth', { token: before }), 200);
      const after = await signIn(second);
      assert.notEqual(kidOf(after), kidOf(before));
      assert.ok(stdout.includes(`key ${kidOf(after)} `), stdout);
    });

    const rows: readonly [reason: string, env: Record<string, string>, says: RegExp][] = [
      ['there is no key file yet', {}, /jot\.keys\.json: /],
      ['a store in memory has none', { DATABASE_URL: 'memory:' }, /memory/],
    ];
    for (const [reason, env, says] of rows) {
      it(`exits with 1 and creates no file: ${reason}`, async (t) => {
        const folder = temporaryFolder(t);
        const { code, stdout, stderr } = await jot(t, ['keys', 'rotate'], settingsFor(folder, env)).ended;
        assert.deepEqual([code, stdout, readdirSync(folder)], [1, '', []]);
        assert.match(stderr, says);
        assert.doesNotMatch(stderr, /\n\s+at /, 'no stack');
      });
    }
  });

  describe('jot check, jot export and jot compact', () => {
    it('work on the file of a running server, which compacts it and continues', async (t) => {
      const folder = temporaryFolder(t);
      const served = await serve(t, settingsFor(folder));
      await signUp(served);
      const { size } = statSync(`${folder}/jot.jsonl`);
      const [checked, exported] = await Promise.all([
        jot(t, ['check'], settingsFor(folder)).ended,
        jot(t, ['export', '--with-secrets', `file:${folder}/jot.jsonl`], settingsFor(folder)).ended,
      ]);
      assert.deepEqual([checked.code, checked.stderr, exported.code, exported.stderr], [0, '', 0, '']);
      assert.match(checked.stdout, /: no damage\n1 user, /);
      assert.match(exported.stdout, /^\{"users":\{[^\n]*"username":"matt"/m);

      const { code, stdout } = await jot(t, ['compact'], settingsFor(folder)).ended;
      assert.equal(code, 0);
      assert.ok(stdout.endsWith(` bytes, ${size.toLocaleString('en-US')} before\n`), stdout);
      assert.match(readFileSync(`${folder}/jot.jsonl`, 'utf8'), /^\{"snapshot":1,/m);
      await signIn(served);
      await stop(served);
      assert.equal((await jot(t, ['compact'], settingsFor(folder)).ended).code, 0);
      assert.deepEqual(readdirSync(folder).sort(), ['jot.jsonl', 'jot.keys.json']);
    });

    it('end silently if their output is closed', async (t) => {
      const folder = temporaryFolder(t);
      const names = Array.from({ length: 5_000 }, (_, index) => `user ${index}`);
      writeFileSync(`${folder}/jot.jsonl`, linesWithUsers(...names).join(''));
      const command = jot(t, ['export', '--with-secrets'], settingsFor(folder));
      await command.line(/^\{"format"/);
      command.stopReading();
      const { code, stderr } = await command.ended;
      assert.deepEqual([code, stderr], [1, '']);
      const whole = await jot(t, ['export', '--with-secrets'], settingsFor(folder)).ended;
      assert.equal(whole.stdout.split('\n').length, 1 + names.length + 1);
    });

    it('exit with 1 and one line on standard error if the file is missing', async (t) => {
      const folder = temporaryFolder(t);
      const missing = `There is no data file ${folder}/jot.jsonl; a start of the server makes the one that DATABASE_URL names`;
      for (const name of ['check', 'export', 'compact', 'repair', 'user list']) {
        const { code, stdout, stderr } = await jot(t, name.split(' '), settingsFor(folder)).ended;
        assert.deepEqual([name, code, stdout, stderr], [name, 1, '', `jot: ${missing}\n`]);
      }
      assert.deepEqual(readdirSync(folder), []);
    });
  });

  describe('jot repair and jot import', () => {
    it('are rejected while a server holds the file, naming its process', async (t) => {
      const folder = temporaryFolder(t);
      const served = await serve(t, settingsFor(folder));
      for (const name of ['repair', 'import']) {
        const command = jot(t, [name], settingsFor(folder));
        const { code, stdout, stderr } = await command.ended;
        assert.deepEqual([name, code, stdout], [name, 1, '']);
        const holder = `process ${served.command.pid}; stop it first`;
        assert.equal(stderr, `jot: The data file ${folder}/jot.jsonl is in use by ${holder}\n`);
      }
      await stop(served);
    });

    it('exit with 65 for a file in another format, as every command but check, and leave it alone', async (t) => {
      const folder = temporaryFolder(t);
      writeFileSync(`${folder}/jot.jsonl`, '{"name":"jot"}\n');
      const rows: readonly (readonly [args: string[], code: number])[] = [
        [['repair'], 65],
        [['compact'], 65],
        [['export'], 65],
        [['user', 'list'], 65],
        [['import'], 65],
        [['check'], 1],
      ];
      for (const [args, expected] of rows) {
        const { code, stderr } = await jot(t, args, settingsFor(folder)).ended;
        assert.deepEqual([args, code], [args, expected]);
        assert.match(stderr, /^jot: [^\n]*\/jot\.jsonl is not a Jot data file, [^\n]+\n$/);
      }
      assert.equal(readFileSync(`${folder}/jot.jsonl`, 'utf8'), '{"name":"jot"}\n');
      assert.deepEqual(readdirSync(folder), ['jot.jsonl']);
    });

    it('repair makes a damaged file usable for a server, and import makes one from a pipe', async (t) => {
      const folder = temporaryFolder(t);
      const [header = '', first = '', second = ''] = linesWithUsers('matt', 'elie');
      writeFileSync(`${folder}/jot.jsonl`, header + first.replace('matt', 'Matt') + second);
      const checked = await jot(t, ['check'], settingsFor(folder)).ended;
      assert.equal(checked.code, 1);
      assert.match(checked.stderr, /^jot: [^\n]* is damaged at line 2, byte \d+: [^\n]+\n$/);
      const repaired = await jot(t, ['repair'], settingsFor(folder)).ended;
      assert.deepEqual([repaired.code, withoutPlace(repaired.stderr)], [0, '']);
      const exported = await jot(t, ['export'], settingsFor(folder)).ended;

      const other = temporaryFolder(t);
      const command = jot(t, ['import'], settingsFor(other));
      command.stdin.end(exported.stdout);
      const { code, stdout, stderr } = await command.ended;
      assert.deepEqual([code, withoutPlace(stderr)], [0, '']);
      const report = '1 user, 0 posts, 0 sessions imported; 1 user without a password, who cannot sign in';
      assert.equal(withoutOthers(stdout), `${other}/jot.jsonl: ${report}\n`);
      for (const each of [folder, other]) {
        const served = await serve(t, settingsFor(each));
        assert.deepEqual((await send(served.port, 'GET', '/users')).json, [{ id: 2, username: 'elie' }]);
        await stop(served);
      }
    });

    it('import exits with 1 for invalid input, naming the place, and leaves nothing', async (t) => {
      const folder = temporaryFolder(t);
      const command = jot(t, ['import'], settingsFor(folder));
      command.stdin.end('{"format":"jot-export","version":2,"rows":1}\n{"users":{"id":0}}\n');
      const { code, stdout, stderr } = await command.ended;
      assert.deepEqual([code, stdout, readdirSync(folder)], [1, '', []]);
      assert.match(
        stderr,
        /^jot: Nothing was imported:\n {2}line 2: "id" must be an integer from 1 to \d+\n$/,
      );
    });
  });

  it('serve names the place of damage in the data file, and the command to run', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(
      `${folder}/jot.jsonl`,
      linesWithUsers('matt', 'elie', 'tim').join('').replace('elie', 'Elie'),
    );
    const { code, stderr } = await jot(t, [], settingsFor(folder)).ended;
    assert.equal(code, 65);
    assert.match(
      stderr,
      /^jot: [^\n]* is damaged at line 3, byte \d+: [^\n]*; run `jot check` for details\n$/,
    );
  });

  it('serve names the expected beginning for a file in another format', async (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(`${folder}/jot.jsonl`, '[]\n');
    const { code, stderr } = await jot(t, [], settingsFor(folder)).ended;
    assert.equal(code, 65);
    const problem = `${folder}/jot.jsonl is not a Jot data file, or damaged at line 1, byte 0: it does not begin with {"format":"jot"`;
    assert.equal(stderr, `jot: ${problem}; run \`jot check\` for details\n`);
    assert.equal(readFileSync(`${folder}/jot.jsonl`, 'utf8'), '[]\n');
  });

  it('serve exits with 0 on a signal during a long load, and leaves no lock', async (t) => {
    const folder = temporaryFolder(t);
    const lines = [encodeHeader({ seq: 0, next: {} }), ...linesWithUsers('matt').slice(1)];
    for (let id = 1; id <= 50_000; id++) {
      const row = { id, version: 1, ...postOf(1) };
      lines.push(encodeChange({ seq: 1 + id, time: TIME, changes: [{ put: 'posts', row }] }));
    }
    writeFileSync(`${folder}/jot.jsonl`, lines.join(''));
    const command = jot(t, [], settingsFor(folder));
    // It takes the lock first, and then reads for a while.
    while (readdirSync(folder).length === 1) await nextTurn();
    command.kill('SIGTERM');
    const { code, stderr } = await command.ended;
    const locks = readdirSync(folder).filter((name) => name.includes('.lock-'));
    assert.deepEqual([code, stderr, locks], [0, '', []]);
  });

  describe('jot help, jot version and unknown commands', () => {
    const rows: readonly [args: string[], code: number, stdout: RegExp, stderr: RegExp][] = [
      [['help'], 0, USAGE, /^$/],
      [['version'], 0, new RegExp(`^${VERSION}\n$`), /^$/],
      [['--version'], 0, new RegExp(`^${VERSION}\n$`), /^$/],
      [['help', 'keys', 'retire'], 0, /^Usage: jot keys retire <kid>\n/, /^$/],
      [['--help'], 0, USAGE, /^$/],
      [['help', '-h'], 0, USAGE, /^$/],
      [
        ['user', 'create', '--help'],
        0,
        /^Usage: jot user create <username>\n\n {2}add a user[^\n]*\n\n {2}<username> {3}[^\n]+\n\n[\s\S]*standard\s+input/,
        /^$/,
      ],
      [['export', '-h', 'a', 'b', 'c'], 0, /^Usage: jot export \[--with-secrets\] \[file\]\n/, /^$/],
      [['serve', '-h'], 0, /^Usage: jot serve\n/, /^$/],
      [
        ['check', '--', '--help', 'b'],
        2,
        /^$/,
        /^jot: there are too many arguments\n\nUsage: jot check \[file\]\n/,
      ],
      [['user'], 2, /^$/, NO_USER],
      [['user', 'crate', 'hunter2'], 2, /^$/, NO_USER],
      [['help', 'frob'], 2, /^$/, /^jot: "frob" is not the name of a command\n/],
      [['help', 'user', 'fire'], 2, /^$/, /^jot: "user" is not the name of a command\n/],
      [['frob', '--help'], 2, /^$/, /^jot: "frob" is not the name of a command\n/],
      [['--port', '4000'], 2, /^$/, /^jot: "--port" is not the name of a command\n\nUsage: /],
      [['--jwt-secret-key=hunter2'], 2, /^$/, /^jot: "--jwt-secret-key" is not the name of a command\n/],
      [['constructor'], 2, /^$/, /^jot: "constructor" is not the name of a command\n/],
      [
        ['check', 'a', 'b'],
        2,
        /^$/,
        /^jot: there are too many arguments\n\nUsage: jot check \[file\]\n\n[^\n]*\n$/,
      ],
      [['import', 'a.jsonl'], 2, /^$/, /^jot: there are too many arguments\n\nUsage: jot import\n/],
      [['export', '--all'], 2, /^$/, /^jot: Unknown option '--all'/],
      [['keys', 'rotate', 'now'], 2, /^$/, /^jot: there are too many arguments\n/],
    ];
    for (const [args, code, stdout, stderr] of rows) {
      it(`${args.join(' ')} exits with ${code}, whatever the settings are`, async (t) => {
        const ended = await jot(t, args, { env: { PORT: 'not a port' } }).ended;
        assert.equal(ended.code, code);
        assert.match(ended.stdout, stdout);
        assert.match(ended.stderr, stderr);
      });
    }
  });
});
