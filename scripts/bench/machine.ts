// What the figures were measured on, and which cores belong to whom. A server and the client that drives it must not take
// each other's time: where the machine can, the server gets one core and the client another.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, type as systemName, totalmem } from 'node:os';

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** Null: nothing is pinned. */
  readonly pinned: Cores | null;
}

export interface Cores {
  readonly server: number;
  readonly load: number;
}

export function describeMachine(now: Date): Machine {
  const found = cpus();
  return {
    date: now.toISOString().slice(0, 10),
    cpu: found[0]?.model.trim() ?? 'unknown',
    cores: found.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${systemName()} ${release()}`,
    node: process.version,
    pinned: findCores(),
  };
}

export function machineText(machine: Machine): string {
  const { date, cpu, cores, memoryGiB, system, node, pinned } = machine;
  const pins =
    pinned === null
      ? 'nothing is pinned to a core'
      : `server on core ${pinned.server}, load on core ${pinned.load}`;
  return `${date}, Node ${node}, ${system}, ${cores} cores (${cpu}), ${memoryGiB} GiB; ${pins}\n`;
}

function findCores(): Cores | null {
  const [server, load] = allowedCores();
  if (server === undefined || load === undefined) return null;
  const { status } = spawnSync('taskset', ['-c', String(server), process.execPath, '--version']);
  return status === 0 ? { server, load } : null;
}

function allowedCores(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return coresIn(list ?? '');
  } catch {
    // Only Linux has the file, and without it there is nothing to pin with either.
    return [];
  }
}

/** `0-2,8` to 0, 1, 2, 8. */
export function coresIn(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number.parseFloat);
    return Number.isNaN(first) ? [] : Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
