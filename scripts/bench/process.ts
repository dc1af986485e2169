// Child processes, each pinned to a core: servers, and programs that run to completion and print
// one sample as JSON. No child outlives the benchmark.

import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { get as getSecurely } from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { Cores } from './machine.ts';
import type { Sample } from './statistics.ts';

const RESPONSE_WITHIN_MS = 120_000;
// Programs collect garbage before they measure, and a million posts exceed the default heap of Node
// on a machine with little memory.
const FLAGS = ['--expose-gc', '--max-old-space-size=6144'];

export const processes = fileURLToPath(new URL('processes/', import.meta.url));

const children = new Set<ChildProcess>();
process.on('exit', killChildren);

/** Where processes run: a folder for everything they write, and Jot's build. */
export interface Site {
  readonly work: string;
  readonly dist: string;
  /** `null`: processes are not pinned. */
  readonly cores: Cores | null;
}

export interface Server {
  readonly port: number;
  /** Options of both ends of its connections; `null`: plain HTTP. */
  readonly tls: ConnectionOptions | null;
  /** Time from the start of the process to its first response. */
  readonly startMs: number;
  residentMebibytes(): number;
  /** Processor time of all threads so far; `NaN` if unknown. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

export function newFolder({ work }: Site): string {
  return mkdtempSync(join(work, 'run-'));
}

/** Throws an `Error` if the server exits or does not respond. */
export async function startServer(
  site: Site,
  args: readonly string[],
  { env = {}, folder = newFolder(site), tls = null as Server['tls'] } = {},
): Promise<Server> {
  const port = await freePort();
  const log = openSync(join(folder, 'output.log'), 'w');
  const startedMs = performance.now();
  const child = spawnPinned(site.cores?.server, args, {
    cwd: folder,
    env: { ...env, PORT: String(port) },
    stdio: ['ignore', log, 'inherit'],
  });
  closeSync(log);
  // Polled, so that the time is comparable for servers that announce themselves and for those that
  // do not.
  while (!(await responds(port, tls))) {
    await wait(1);
    if (children.has(child) && performance.now() - startedMs < RESPONSE_WITHIN_MS) continue;
    throw new Error(`Cannot start ${args[0]}: no response`);
  }
  return {
    port,
    tls,
    startMs: performance.now() - startedMs,
    residentMebibytes: () => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(child.pid)])) / 1024,
    cpuSeconds: () => cpuSeconds(child.pid),
    stop: () => end(child, 'SIGTERM'),
  };
}

/** Runs a file in `processes` with arguments. Throws an `Error` if it fails. */
export async function runProgram(site: Site, core: keyof Cores, command: readonly string[]): Promise<Sample> {
  const [name = '', ...args] = command;
  const options: SpawnOptions = { cwd: site.work, stdio: ['ignore', 'pipe', 'inherit'] };
  const child = spawnPinned(site.cores?.[core], [...FLAGS, processes + name, ...args], options);
  const output = child.stdout === null ? '' : await text(child.stdout);
  if (output === '') throw new Error(`Cannot run ${name}: it printed no sample`);
  return JSON.parse(output);
}

export function killChildren(): Promise<unknown> {
  return Promise.all([...children].map((child) => end(child, 'SIGKILL')));
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  child.kill(signal);
  if (children.has(child)) await once(child, 'exit');
}

function spawnPinned(core: number | undefined, args: readonly string[], options: SpawnOptions): ChildProcess {
  const { PATH = '', HOME = '' } = process.env;
  const pin = core === undefined ? [] : ['taskset', '-c', String(core)];
  const [file = '', ...rest] = [...pin, process.execPath, ...args];
  const child = spawn(file, rest, { ...options, env: { PATH, HOME, ...options.env } });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

async function responds(port: number, tls: Server['tls']): Promise<boolean> {
  const target = { host: '127.0.0.1', port, path: '/users', agent: false };
  const request = tls === null ? get(target) : getSecurely({ ...target, ...tls });
  try {
    const [response] = await once(request, 'response');
    await once(response.resume(), 'end');
    return response.statusCode < 300;
  } catch {
    // The port is not open yet.
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function cpuSeconds(pid = 0): number {
  if (process.platform !== 'linux') return Number.NaN;
  // proc(5): after the name, which may have spaces, fields 12 and 13 are ticks of 1/100 s.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
