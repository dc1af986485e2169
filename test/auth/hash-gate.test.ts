import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Gate } from '../../src/auth/gate.ts';
import { createHashGate } from '../../src/auth/hash-gate.ts';

interface Machine {
  readonly concurrency: number;
  readonly processors: number;
}

const ONE: Machine = { concurrency: 1, processors: 1 };

/** A gate on clocks that stand still but for what a task takes. */
function createParts({ concurrency, processors }: Machine) {
  const clock = { ms: 0, active: 0, idle: 0 };
  const gate = createHashGate({
    concurrency,
    processors,
    elapsedMs: () => clock.ms,
    loopTimes: () => ({ active: clock.active, idle: clock.idle }),
  });
  const take = (ms: number, busyShare: number) => {
    clock.ms += ms;
    clock.active += ms * busyShare;
    clock.idle += ms * (1 - busyShare);
  };
  return { gate, take };
}

/** Whether the next task begins at once behind one that fills the gate's last place. */
async function goesOnAfter(gate: Gate, concurrency: number, last: () => void): Promise<boolean> {
  const never = new Promise<void>(() => undefined);
  for (let place = 1; place < concurrency; place++) void gate.run(() => never);
  let isNextBegun = false;
  const first = gate.run(async () => last());
  void gate.run(async () => {
    isNextBegun = true;
  });
  await first;
  await null;
  return isNextBegun;
}

/** Timers of Node's that fire when they are told to. */
function timersOf(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  return t.mock.timers;
}

describe('createHashGate', () => {
  const rests: readonly (readonly [busyShare: number, tookMs: number, restMs: number, why: string])[] = [
    [1, 100, 10, 'a tenth of the time, while there is much else to do'],
    [0.5, 100, 10, 'from half of the time on that counts as much'],
    [1, 3_600_000, 200, 'not for long, should the machine have slept'],
    [1, 10, 1, 'as short as a timer can be'],
  ];
  for (const [busyShare, tookMs, restMs, why] of rests) {
    it(`rests ${why}`, async (t) => {
      const timers = timersOf(t);
      const { gate, take } = createParts(ONE);
      let isNextBegun = false;
      const first = gate.run(async () => take(tookMs, busyShare));
      const next = gate.run(async () => {
        isNextBegun = true;
      });
      await first;
      assert.deepEqual({ running: gate.running, queued: gate.queued }, { running: 0, queued: 1 });
      if (restMs > 1) timers.tick(restMs - 1);
      await null;
      assert.equal(isNextBegun, false);
      timers.tick(1);
      await next;
      assert.equal(isNextBegun, true);
    });
  }

  const without: readonly (readonly [busyShare: number, tookMs: number, why: string])[] = [
    [0.49, 100, 'where there is less'],
    [0, 100, 'where nobody else wants anything'],
    [1, 9, 'behind what was over at once'],
  ];
  for (const [busyShare, tookMs, why] of without) {
    it(`does not rest ${why}`, async (t) => {
      timersOf(t);
      const { gate, take } = createParts(ONE);
      assert.equal(await goesOnAfter(gate, 1, () => take(tookMs, busyShare)), true);
    });
  }

  it('looks at the time of the very task, whatever was before it and beside it', async (t) => {
    timersOf(t);
    const { gate, take } = createParts({ concurrency: 2, processors: 2 });
    take(1_000, 1);
    const both = [gate.run(async () => take(100, 0)), gate.run(async () => undefined)];
    await Promise.all(both);
    assert.equal(await goesOnAfter(gate, 2, () => take(100, 0)), true);
    take(100_000, 0);
    const { gate: other, take: takeOf } = createParts(ONE);
    takeOf(100_000, 0);
    assert.equal(await goesOnAfter(other, 1, () => takeOf(100, 1)), false);
  });

  it('rests where hashes may take every processor, and not where one is left', async (t) => {
    timersOf(t);
    const machines: readonly (readonly [Machine, doesRest: boolean])[] = [
      [ONE, true],
      [{ concurrency: 2, processors: 2 }, true],
      [{ concurrency: 3, processors: 2 }, true],
      [{ concurrency: 1, processors: 2 }, false],
      [{ concurrency: 2, processors: 4 }, false],
    ];
    for (const [machine, doesRest] of machines) {
      const { gate, take } = createParts(machine);
      assert.equal(await goesOnAfter(gate, machine.concurrency, () => take(100, 1)), !doesRest);
    }
  });

  it('lets 64 wait, for 15 seconds', async (t) => {
    timersOf(t);
    const { gate, take } = createParts({ concurrency: 1, processors: 2 });
    const ends: (() => void)[] = [];
    const task = () => new Promise<void>((resolve) => ends.push(resolve));
    const first = gate.run(task);
    const waiting = Array.from({ length: 64 }, () => gate.run(task));
    await assert.rejects(gate.run(task), { code: 'unavailable' });
    take(15_000, 0);
    ends.shift()?.();
    await first;
    assert.equal(gate.queued, 63);
    take(1, 0);
    ends.shift()?.();
    const outcomes = await Promise.allSettled(waiting);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', ...Array(63).fill('rejected')],
    );
    assert.deepEqual({ running: gate.running, queued: gate.queued }, { running: 0, queued: 0 });
  });
});
