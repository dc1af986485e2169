// The resources of a process: memory still in use after a garbage collection, open files, sockets.
// A leak shows as a difference between two measurements.

import { existsSync, readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { TestServer } from './server.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Bytes on the heap and in buffers that are still referenced. */
export async function bytesInUse(): Promise<number> {
  collect();
  // Objects with something to close are collected only after they have closed it.
  await setImmediate();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Returns the growth of the heap, in bytes, while the result of `make` is held. */
export function heapOf(make: () => object): { bytes: number; made: object } {
  collect();
  const before = process.memoryUsage().heapUsed;
  const made = make();
  collect();
  return { bytes: process.memoryUsage().heapUsed - before, made };
}

/** Open file descriptors; 0 on systems without /proc. */
export function openDescriptors(): number {
  const folder = '/proc/self/fd';
  return existsSync(folder) ? readdirSync(folder).length : 0;
}

/** The server's sockets, without the one that this request uses. */
export async function connectionsOf({ call }: Pick<TestServer, 'call'>): Promise<number> {
  const { text } = await call('GET', '/metrics');
  return Number(/^jot_connections (\d+)$/m.exec(text)?.[1]) - 1;
}
