// One run: requests until there are enough, each answer checked. Of what led to a fault, as little is kept as leads to it
// again on a server that knows nothing yet.

import { seededRandom } from '../../test/support/model/random.ts';
import { type Fault, faultOf } from './check.ts';
import { type Document, readDocument, successOf } from './document.ts';
import { Requests } from './requests.ts';
import { type Answer, referencesIn, Sender, type Step, type Target } from './steps.ts';
import { World } from './world.ts';

const TRIES_MAX = 150;

export interface RunOptions {
  readonly seed: number;
  readonly requests: number;
  /** Milliseconds from now. */
  readonly deadlineMs: number;
  /** Starts a server that knows nothing. */
  readonly open: () => Promise<Target>;
  /** Hears how many requests there were, and how many there are to be. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface Report {
  readonly requests: number;
  readonly operations: number;
  /** Operations that never succeeded. */
  readonly uncovered: readonly string[];
  /** How often each was answered. */
  readonly statuses: ReadonlyMap<number, number>;
  readonly found: { readonly fault: Fault; readonly steps: readonly Step[] } | null;
}

export async function run({
  seed,
  requests: count,
  deadlineMs,
  open,
  onProgress,
}: RunOptions): Promise<Report> {
  const sender = new Sender(await open());
  const endMs = performance.now() + deadlineMs;
  try {
    const document = await fetchDocument(sender);
    const world = new World(document);
    const requests = new Requests(document, world, seededRandom(seed));
    const steps: Step[] = [];
    const statuses = new Map<number, number>();
    const report = (found: Report['found']): Report => ({
      requests: steps.length,
      operations: document.operations.length,
      uncovered: document.operations.map(({ name }) => name).filter((name) => !requests.covered.has(name)),
      statuses,
      found,
    });
    while (steps.length < count && performance.now() < endMs) {
      const { step, about } = requests.next();
      steps.push(step);
      onProgress?.(steps.length, count);
      const { answer, fault } = await ask(sender, step, document);
      if (fault !== null) return report({ fault, steps: await shorten(steps, fault, document, open) });
      if (answer === null) continue;
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const isDone = step.operation !== null && answer.status === successOf(step.operation);
      if (isDone) requests.covered.add(step.operation?.name ?? '');
      world.learn(step, answer, about);
    }
    return report(null);
  } finally {
    await sender.close();
  }
}

async function fetchDocument(sender: Sender): Promise<Document> {
  const step = { number: 0, operation: null, method: 'GET', headers: [], body: null, passMs: 0 };
  const { status, json } = await sender.send({
    ...step,
    target: ['/openapi.json'],
    isValid: true,
    value: undefined,
  });
  if (status !== 200) throw new Error(`GET /openapi.json was answered with ${status}`);
  return readDocument(json);
}

async function ask(
  sender: Sender,
  step: Step,
  document: Document,
): Promise<{ answer: Answer | null; fault: Fault | null }> {
  const sent = await sender.send(step).catch((error) => String(error));
  if (typeof sent !== 'string') return { answer: sent, fault: faultOf(step, sent, document) };
  return { answer: null, fault: { rule: 'no answer', text: `There was no answer: ${sent}` } };
}

/** The last step with as few as possible of those before it. */
async function shorten(
  steps: readonly Step[],
  { rule }: Fault,
  document: Document,
  open: () => Promise<Target>,
): Promise<readonly Step[]> {
  const happensAgain = async (some: readonly Step[]) => (await replay(some, document, open))?.rule === rule;
  const needed = neededBy(steps);
  let kept = (await happensAgain(needed)) ? needed : steps;
  let tries = 0;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < kept.length - 1 && tries < TRIES_MAX; ) {
      const end = Math.min(start + size, kept.length - 1);
      const fewer = [...kept.slice(0, start), ...kept.slice(end)];
      tries++;
      if (await happensAgain(fewer)) kept = fewer;
      else start = end;
    }
  }
  return kept;
}

async function replay(
  steps: readonly Step[],
  document: Document,
  open: () => Promise<Target>,
): Promise<Fault | null> {
  const sender = new Sender(await open());
  try {
    let last: Fault | null = null;
    for (const step of steps) last = (await ask(sender, step, document)).fault;
    return last;
  } finally {
    await sender.close();
  }
}

/** The last step and those whose answers it needs, and they. */
function neededBy(steps: readonly Step[]): readonly Step[] {
  const numbers = new Set(steps.slice(-1).map(({ number }) => number));
  for (const step of steps.toReversed()) {
    if (numbers.has(step.number)) for (const each of referencesIn(step)) numbers.add(each.step);
  }
  return steps.filter(({ number }) => numbers.has(number));
}
