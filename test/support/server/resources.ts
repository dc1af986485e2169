// What a process holds on to: memory that is still in use after the garbage collector was here, open files and sockets.

import { existsSync, readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { TestServer } from './server.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Bytes on the heap and in buffers that something still refers to. */
export async function bytesInUse(): Promise<number> {
  collect();
  // What the first round let go of may have had something to close, and is let go of itself only then.
  await setImmediate();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Open file descriptors; always 0 where the system does not tell. */
export function openDescriptors(): number {
  const folder = '/proc/self/fd';
  return existsSync(folder) ? readdirSync(folder).length : 0;
}

/** The server's sockets beside the one that asks. */
export async function connectionsOf({ call }: Pick<TestServer, 'call'>): Promise<number> {
  const { text } = await call('GET', '/metrics');
  return Number(/^jot_connections (\d+)$/m.exec(text)?.[1]) - 1;
}
