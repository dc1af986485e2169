// Drives a server and tells how it did. The client is a process of its own on another core (processes/load-client.mjs):
// sockets that are kept open, on each of them one request after another, as soon as the answer to the last one is there.
//
// It is our own hundred lines rather than a package: autocannon takes longer to ask than bare `node:http` takes to answer, so
// that it would be the client that is measured (23,000 to 32,000 answers a second from a server that gives this one 30,000 to
// 37,000, in turn on the same two cores). It would also be sixty more packages that everybody installs before the first start on
// Node 20, and tells latency in whole milliseconds. wrk is as fast as this one, but not everybody's machine has it.

import { fileURLToPath } from 'node:url';
import { runProgram } from './process.ts';

/** A request that is made over and over. */
export interface Target {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Any other answer makes the run worthless. */
  readonly status: number;
  /** Over TLS, as processes/tls.mjs speaks it. */
  readonly isSecure?: boolean;
}

export interface LoadOptions {
  readonly port: number;
  readonly target: Target;
  readonly connections: number;
  readonly seconds: number;
  readonly core: number | null;
  readonly cwd: string;
}

export interface Load {
  readonly answers: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The share of its core that the client used; near 1 it was the client that was measured. */
  readonly clientBusy: number;
}

const client = fileURLToPath(new URL('processes/load-client.mjs', import.meta.url));
const CLIENT_BUSY_MAX = 0.97;

/** @throws Error when an answer was not the expected one, or a connection broke. */
export async function load({ core, cwd, ...what }: LoadOptions): Promise<Load> {
  const found = await runProgram({ core, cwd, args: [client, JSON.stringify(what)] });
  if (!isLoad(found)) throw new Error(`The load client printed ${JSON.stringify(found)}`);
  if (found.clientBusy > CLIENT_BUSY_MAX) {
    process.stderr.write(
      `\nThe load client was busy all the time: ${what.target.path} can do more than it asks for.\n`,
    );
  }
  return found;
}

function isLoad(value: unknown): value is Load {
  if (typeof value !== 'object' || value === null) return false;
  const numbers = ['answers', 'perSecond', 'p50Ms', 'p99Ms', 'clientBusy'].map((name) =>
    Reflect.get(value, name),
  );
  return numbers.every((number) => typeof number === 'number');
}
