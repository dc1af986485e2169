// A run: sends requests until a response breaks a rule or the number of requests is reached.

import { seededRandom } from '../../test/support/model/random.ts';
import { type Fault, faultOf } from './check.ts';
import { type Operations, parseDocument } from './openapi.ts';
import { createWorld, learn, nextStep } from './requests.ts';
import { type Received, type Step, send } from './step.ts';
import type { Target } from './target.ts';

type Steps = readonly Step[];

/** Starts a server without data. */
type Open = () => Promise<Target>;

export interface Report {
  /** Number of responses by status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Operations that never succeeded. */
  readonly uncovered: Operations;
  /** The first fault, and the steps that lead to it. */
  readonly found: { readonly fault: Fault; readonly steps: Steps } | null;
}

export async function run(seed: number, requests: number, open: Open): Promise<Report> {
  const target = await open();
  try {
    const response = await fetch(`http://127.0.0.1:${target.port}/openapi.json`);
    const operations = parseDocument(await response.text());
    const responses: Received[] = [];
    const world = createWorld(operations, seededRandom(seed));
    const steps: Step[] = [];
    const statuses: Record<number, number> = {};
    let fault: Fault | null = null;
    while (steps.length < requests && fault === null) {
      const step = nextStep(steps.length, world);
      steps.push(step);
      const received = await send(step, target, responses);
      statuses[received.status] = (statuses[received.status] ?? 0) + 1;
      learn(step, received, world);
      fault = faultOf(step, received, operations);
    }
    const uncovered = operations.filter((operation) => !world.covered.has(operation));
    const found = fault && { fault, steps: await shorten(steps, fault, operations, open) };
    return { statuses, uncovered, found };
  } finally {
    await target.close();
  }
}

/**
 * Minimizes the steps: removes groups of steps, ever smaller ones, as long as the last step still
 * breaks the rule.
 */
async function shorten(steps: Steps, { rule }: Fault, operations: Operations, open: Open): Promise<Steps> {
  let kept = steps;
  for (let size = steps.length; size > 1; ) {
    size = Math.ceil(size / 2);
    for (let start = 0; start < kept.length - 1; ) {
      const fewer = [...kept.slice(0, start), ...kept.slice(Math.min(start + size, kept.length - 1))];
      if ((await replay(fewer, operations, open))?.rule === rule) kept = fewer;
      else start += size;
    }
  }
  return kept;
}

/** Returns the fault of the last step on a new server. */
async function replay(steps: Steps, operations: Operations, open: Open): Promise<Fault | null> {
  const target = await open();
  const responses: Received[] = [];
  let fault: Fault | null = null;
  for (const step of steps) fault = faultOf(step, await send(step, target, responses), operations);
  await target.close();
  return fault;
}
