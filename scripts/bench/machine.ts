// The machine, which is named above every table, and its cores. A server and its load client must
// not compete for processor time, so each is pinned to a core of its own where Linux has `taskset`.

import { spawnSync } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';

export type Cores = Readonly<Record<'server' | 'load', number>>;

export function machineText(cores: Cores | null): string {
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  const date = new Date().toISOString().slice(0, 10);
  const processor = `${cpus().length} cores (${cpus()[0]?.model.trim()})`;
  const pins = cores === null ? 'not pinned' : `server on core ${cores.server}, load on core ${cores.load}`;
  return `${date}, Node ${process.version}, ${type()} ${release()}, ${processor}, ${gibibytes} GiB; ${pins}`;
}

/** Returns two cores that this process may use; `null` if it cannot pin. */
export function findCores(): Cores | null {
  const { stdout } = spawnSync('taskset', ['-cp', String(process.pid)], { encoding: 'utf8' });
  return coresIn(String(stdout));
}

/** Reads the first and the last core from "pid 42's current affinity list: 0-2,8". */
export function coresIn(affinity: string): Cores | null {
  const cores = /[\d,-]+$/.exec(affinity.trim())?.[0].match(/\d+/g)?.map(Number) ?? [];
  const [server = 0, load = 0] = [cores[0], cores.at(-1)];
  return server === load ? null : { server, load };
}
