// The gate in front of password hashing.
//
// Where hashes may take every processor there is, a thread that hashes and the one that answers everything else share one, half and
// half, for as long as somebody wants to sign in; and each time a hash gets its turn, all others wait. So while there is much to
// answer, a tenth of the time stays free of hashes.

import { availableParallelism } from 'node:os';
import { Gate, type GateOptions } from './gate.ts';

const QUEUE_MAX = 64;
// Well before a connection on which nothing moves is cut (`stallMs`): an answer that says why is better than none.
const WAIT_MS_MAX = 15_000;
const REST_SHARE = 0.1;
// A timer of Node's waits no less.
const REST_MS_MIN = 1;
// A hash that was stopped with the whole machine has not taken that long.
const REST_MS_MAX = 200;
// Of the event loop's time.
const BUSY_SHARE = 0.5;

/** How long the event loop has had something to do so far, and how long nothing: `performance.eventLoopUtilization`. */
export interface LoopTimes {
  readonly active: number;
  readonly idle: number;
}

export interface HashGateOptions {
  /** How many passwords are hashed at once. */
  readonly concurrency: number;
  /** Milliseconds on a clock that only runs forward. */
  readonly elapsedMs: () => number;
  /** Default: as many as this process may use. */
  readonly processors?: number;
  /** Default: those of this thread's. */
  readonly loopTimes?: () => LoopTimes;
}

export function createHashGate(options: HashGateOptions): Gate {
  const { concurrency, elapsedMs, processors = availableParallelism() } = options;
  const { loopTimes = () => performance.eventLoopUtilization() } = options;
  const gate: GateOptions = { concurrency, elapsedMs, queueMax: QUEUE_MAX, waitMsMax: WAIT_MS_MAX };
  return new Gate(concurrency < processors ? gate : { ...gate, watch: restWhileBusy(elapsedMs, loopTimes) });
}

function restWhileBusy(elapsedMs: () => number, loopTimes: () => LoopTimes): () => () => number {
  return () => {
    const startMs = elapsedMs();
    const before = loopTimes();
    return () => {
      const restMs = Math.min(REST_SHARE * (elapsedMs() - startMs), REST_MS_MAX);
      return restMs >= REST_MS_MIN && busyShare(before, loopTimes()) >= BUSY_SHARE ? restMs : 0;
    };
  };
}

function busyShare(before: LoopTimes, now: LoopTimes): number {
  const active = now.active - before.active;
  return active / (active + now.idle - before.idle);
}
