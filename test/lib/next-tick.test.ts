import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { keepNextTickQuick } from '../../src/lib/next-tick.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** The objects of the ticks that are planned meanwhile, as long as somebody else holds them. */
function ticksOf(plan: () => void): WeakRef<object>[] {
  const ticks: WeakRef<object>[] = [];
  const hook = createHook({
    init: (_id, type, _trigger, resource) =>
      void (type === 'TickObject' && ticks.push(new WeakRef(resource))),
  });
  hook.enable();
  plan();
  hook.disable();
  return ticks;
}

async function aliveAfterCollection(ticks: readonly WeakRef<object>[]): Promise<boolean[]> {
  await turn();
  await turn();
  collectGarbage();
  return ticks.map((tick) => tick.deref() !== undefined);
}

describe('keepNextTickQuick', () => {
  it('keeps the object of a tick alive', async () => {
    assert.deepEqual(await aliveAfterCollection(ticksOf(keepNextTickQuick)), [true]);
  });

  it('would not be needed if ticks were kept anyway', async () => {
    const ticks = ticksOf(() => process.nextTick(() => undefined));
    assert.deepEqual(await aliveAfterCollection(ticks), [false]);
  });
});
