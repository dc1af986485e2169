// The log of a real server on outputs that fail or wait: each line is written or counted.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync, watch } from 'node:fs';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';
import { program, serve } from '../support/process/command.ts';
import { send } from '../support/server/server.ts';

const ENV = { PORT: '0', DATABASE_URL: 'memory:', LOG: 'json' };
// As much of a path as a line of the log has. The line has about 400 bytes.
const LONG_PATH = '/segment'.repeat(32);
const canLimit = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0;

type Line = Readonly<Record<string, unknown>>;

function parse(text: string): Line[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function request(port: number, count: number): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  for (let sent = 0; sent < count; sent++) await send(port, 'GET', '/users', { agent });
  agent.destroy();
}

/** Sends requests with long lines in the log, 50 of them at a time. */
async function flood(port: number, count: number): Promise<void> {
  const head = `GET ${LONG_PATH} HTTP/1.1\r\nHost: a\r\n`;
  const fifty = `${`${head}\r\n`.repeat(49)}${head}Connection: close\r\n\r\n`;
  for (let sent = 0; sent < count; sent += 50) {
    const socket = connect(port, '127.0.0.1').resume();
    socket.write(fifty);
    await once(socket, 'close');
  }
}

async function linesLost(port: number): Promise<number> {
  const { text } = await send(port, 'GET', '/metrics');
  return Number(/^jot_log_lines_lost_total (\d+)$/m.exec(text)?.[1]);
}

function requestsIn(lines: readonly Line[]): number {
  return lines.filter(({ message }) => message === 'request').length;
}

/** Resolves to the match once the file has one. */
async function match(path: string, pattern: RegExp): Promise<RegExpExecArray> {
  const changes = watch(path);
  for (;;) {
    const found = pattern.exec(readFileSync(path, 'utf8'));
    if (found !== null) {
      changes.close();
      return found;
    }
    await once(changes, 'change');
  }
}

/** Limits the size of the files that the process writes. */
function limitFiles(pid: number, bytes: number | 'unlimited'): void {
  assert.equal(spawnSync('prlimit', ['--pid', `${pid}`, `--fsize=${bytes}:`]).status, 0);
}

describe('jot serve: standard output', () => {
  it('that is not read for a while loses the lines above 4 MiB, and a line reports how many', async (t) => {
    const { command, port } = await serve(t, { cwd: temporaryFolder(t), env: ENV });
    command.pauseReading(true);
    await flood(port, 15_000);
    const lost = await linesLost(port);
    assert.ok(lost > 0, `${lost}`);
    command.pauseReading(false);
    const report = JSON.parse(await command.line(/log lines were lost/));
    assert.ok(report.level === 'warn' && report.since_start >= lost, JSON.stringify(report));
    command.kill('SIGTERM');
    const { code, stdout } = await command.ended;
    const lines = parse(stdout);
    // The request for the metrics, too, was written or lost.
    assert.deepEqual([code, requestsIn(lines) + report.since_start], [0, 15_001]);
    assert.equal(lines.at(-1)?.message, 'stopped');
  });

  it('that is read slowly is drained before the process ends', async (t) => {
    const { command, port } = await serve(t, { cwd: temporaryFolder(t), env: ENV });
    command.pauseReading(true);
    await flood(port, 6_000);
    const idle = connect(port, '127.0.0.1').resume();
    await once(idle, 'connect');
    command.kill('SIGTERM');
    await once(idle, 'close');
    command.pauseReading(false);
    const { code, stdout } = await command.ended;
    const lines = parse(stdout);
    const last = lines.slice(-2).map(({ message }) => message);
    assert.deepEqual([code, requestsIn(lines), last], [0, 6_000, ['shutting down', 'stopped']]);
  });

  it('that was closed loses lines, which are counted, and nothing else', async (t) => {
    const { command, port } = await serve(t, { cwd: temporaryFolder(t), env: ENV });
    command.stopReading();
    await request(port, 5);
    assert.equal(await linesLost(port), 5);
    command.kill('SIGTERM');
    assert.equal((await command.ended).code, 0);
  });

  it('to a full disk loses lines, and resumes with whole lines when there is room', {
    skip: !canLimit,
  }, async (t) => {
    const cwd = temporaryFolder(t);
    const path = `${cwd}/jot.log`;
    const file = openSync(path, 'a');
    const child = spawn(process.execPath, program, {
      cwd,
      env: { ...ENV, PATH: process.env.PATH },
      stdio: ['ignore', file, 'inherit'],
    });
    const ended = once(child, 'close');
    t.after(() => {
      child.kill('SIGKILL');
      closeSync(file);
      return ended;
    });
    const { pid = 0 } = child;
    const [, found] = await match(path, /:(\d+)","data"/);
    const port = Number(found);

    // Room for a part of the next line.
    limitFiles(pid, statSync(path).size + 10);
    await request(port, 3);
    assert.equal(await linesLost(port), 2);
    limitFiles(pid, 'unlimited');
    await request(port, 1);
    await match(path, /log lines were lost.*\n/);
    child.kill('SIGTERM');
    await ended;
    const lines = parse(readFileSync(path, 'utf8'));
    const report = lines.find(({ message }) => message === 'log lines were lost');
    // The request for the metrics, too, was written or lost.
    assert.equal(Number(report?.since_start) + requestsIn(lines), 5);
    assert.equal(lines.at(-1)?.message, 'stopped');
  });
});
