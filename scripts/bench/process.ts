// Processes on a core of their own: a server that is waited for until it answers, or a program that runs to its end and
// prints what it found as one line of JSON. None of them outlives the benchmark.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { get as getSecurely } from 'node:https';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { clientTls } from './processes/tls.mjs';

const ANSWER_WITHIN_MS = 120_000;
const LOG_TAIL_LENGTH = 2_000;
// proc(5): times are in ticks, and every Linux that Node runs on counts a hundred of them a second.
const TICKS_PER_SECOND = 100;

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

export interface ProgramOptions {
  /** Null: any. */
  readonly core: number | null;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface ServerOptions extends ProgramOptions {
  readonly name: string;
  /** What is asked for until it is answered with success. */
  readonly firstPath: string;
  /** Takes its standard output, where an access log goes. */
  readonly logPath: string;
  /** It speaks TLS, as processes/tls.mjs does. */
  readonly isSecure?: boolean;
}

export interface ServerProcess {
  readonly port: number;
  /** From its start to its first answer. */
  readonly startMs: number;
  residentBytes(): number;
  /** Processor time so far, all threads together; null where the system does not tell. */
  cpuSeconds(): number | null;
  stop(): Promise<void>;
}

/** @throws Error with the end of its log when it ends before it answers, or does not answer for two minutes. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { name, firstPath, logPath, isSecure = false } = options;
  const port = await freePort();
  const log = openSync(logPath, 'w');
  const env = { ...options.env, PORT: String(port) };
  const startedMs = performance.now();
  const child = spawnPinned({ ...options, env }, log);
  closeSync(log);
  while (!(await answers(port, firstPath, isSecure))) {
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    if (!hasEnded && performance.now() - startedMs < ANSWER_WITHIN_MS) continue;
    child.kill('SIGKILL');
    const tail = readFileSync(logPath, 'utf8').slice(-LOG_TAIL_LENGTH);
    throw new Error(`${name} ${hasEnded ? 'ended before it answered' : 'does not answer'}:\n${tail}`);
  }
  return {
    port,
    startMs: performance.now() - startedMs,
    residentBytes: () => residentBytes(child.pid ?? 0),
    cpuSeconds: () => cpuSeconds(child.pid ?? 0),
    async stop() {
      const ended = once(child, 'exit');
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** @returns what it printed, which is for the caller to know. @throws Error with what it complained of. */
export async function runProgram(options: ProgramOptions): Promise<unknown> {
  const child = spawnPinned(options, 'pipe');
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${options.args.join(' ')} ended with ${code}:\n${output}`);
  return JSON.parse(output);
}

function spawnPinned({ core, args, env = {}, cwd }: ProgramOptions, output: number | 'pipe'): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  const command = [process.execPath, ...args];
  const [file = '', ...rest] = core === null ? command : ['taskset', '-c', String(core), ...command];
  const errors = output === 'pipe' ? 'inherit' : output;
  const child = spawn(file, rest, { cwd, env: { PATH, HOME, ...env }, stdio: ['ignore', output, errors] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

// Asked again and again from the moment of the start; so the time is the same for servers that say when they are ready and
// those that do not.
async function answers(port: number, path: string, isSecure: boolean): Promise<boolean> {
  const answered = await new Promise((resolve) => {
    const onResponse = (response: IncomingMessage) => {
      response.resume().once('end', () => resolve(isSuccess(response.statusCode)));
    };
    const target = { host: '127.0.0.1', port, path, agent: false };
    const request = isSecure ? getSecurely({ ...target, ...clientTls }, onResponse) : get(target, onResponse);
    request.once('error', () => resolve(false));
  });
  if (answered === false) await wait(1);
  return answered === true;
}

function isSuccess(status = 0): boolean {
  return status >= 200 && status < 300;
}

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('A TCP server has a port');
  return address.port;
}

function residentBytes(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024;
}

function cpuSeconds(pid: number): number | null {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return null;
  // The name, in brackets, may hold spaces; behind it utime and stime are the twelfth and the thirteenth field.
  const fields = readFileSync(path, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
