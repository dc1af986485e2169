import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Gate } from '../../src/auth/gate.ts';
import { JotError } from '../../src/lib/errors.ts';

function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

/** Sends a task to the gate that says when it begins and ends when it is told to. */
function send(gate: Gate, name: string, begun: string[] = [], caller = 'a caller') {
  const begin = deferred<void>();
  const end = deferred<string>();
  const result = gate.run(caller, () => {
    begun.push(name);
    begin.resolve();
    return end.promise;
  });
  return { begins: begin.promise, finish: () => end.resolve(name), fail: end.reject, result };
}

function counters(gate: Gate): { running: number; queued: number } {
  return { running: gate.running, queued: gate.queued };
}

describe('Gate', () => {
  it('runs a task immediately if there is a free slot, and returns its result', async () => {
    const gate = new Gate({ concurrency: 1, queueMax: 0 });
    assert.deepEqual(counters(gate), { running: 0, queued: 0 });
    const a = send(gate, 'a');
    await a.begins;
    assert.deepEqual(counters(gate), { running: 1, queued: 0 });
    a.finish();
    assert.equal(await a.result, 'a');
    assert.deepEqual(counters(gate), { running: 0, queued: 0 });
  });

  it('runs as many tasks concurrently as allowed, and queues the others', async () => {
    const gate = new Gate({ concurrency: 2, queueMax: 8 });
    const begun: string[] = [];
    const [a, b, c, d] = [
      send(gate, 'a', begun),
      send(gate, 'b', begun),
      send(gate, 'c', begun),
      send(gate, 'd', begun),
    ];
    assert.deepEqual(begun, ['a', 'b']);
    assert.deepEqual(counters(gate), { running: 2, queued: 2 });

    b.finish();
    await Promise.all([b.result, c.begins]);
    assert.deepEqual(begun, ['a', 'b', 'c']);
    assert.deepEqual(counters(gate), { running: 2, queued: 1 });

    for (const task of [a, c, d]) task.finish();
    assert.deepEqual(await Promise.all([a.result, c.result, d.result]), ['a', 'c', 'd']);
    assert.deepEqual(counters(gate), { running: 0, queued: 0 });
  });

  it('never runs more than allowed, however many tasks arrive', async () => {
    const gate = new Gate({ concurrency: 3, queueMax: 100 });
    let running = 0;
    let most = 0;
    const task = async () => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
    };
    await Promise.all(Array.from({ length: 100 }, () => gate.run('a caller', task)));
    assert.equal(most, 3);
    assert.deepEqual(counters(gate), { running: 0, queued: 0 });
  });

  it('runs queued tasks in the order of arrival', async () => {
    const gate = new Gate({ concurrency: 1, queueMax: 8 });
    const begun: string[] = [];
    const tasks = ['a', 'b', 'c', 'd', 'e'].map((name) => send(gate, name, begun));
    for (const task of tasks) {
      await task.begins;
      task.finish();
    }
    assert.deepEqual(await Promise.all(tasks.map((task) => task.result)), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(begun, ['a', 'b', 'c', 'd', 'e']);
  });

  it('runs the tasks of different callers in turns, each caller in order of arrival', async () => {
    const gate = new Gate({ concurrency: 1, queueMax: 9 });
    const begun: string[] = [];
    const arrivals = ['a0', 'a1', 'a2', 'a3', 'b1', 'b2', 'c1'];
    const tasks = new Map(arrivals.map((name) => [name, send(gate, name, begun, name.charAt(0))]));
    const order = ['a0', 'a1', 'b1', 'c1', 'a2', 'b2', 'd1', 'a3'];
    for (const name of order) {
      const task = tasks.get(name);
      await task?.begins;
      // A newcomer waits for one task of each of the others.
      if (name === 'c1') tasks.set('d1', send(gate, 'd1', begun, 'd'));
      task?.finish();
    }
    await Promise.all([...tasks.values()].map(({ result }) => result));
    assert.deepEqual(begun, order);
    assert.deepEqual(counters(gate), { running: 0, queued: 0 });
  });

  it('if full, rejects the newest task of the caller with the most waiting tasks', async () => {
    const gate = new Gate({ concurrency: 1, queueMax: 4 });
    const begun: string[] = [];
    const running = send(gate, 'running', begun);
    const [a1, a2, a3, b1] = [
      send(gate, 'a1', begun, 'a'),
      send(gate, 'a2', begun, 'a'),
      send(gate, 'a3', begun, 'a'),
      send(gate, 'b1', begun, 'b'),
    ];
    await assert.rejects(send(gate, 'a4', begun, 'a').result, { code: 'unavailable' });
    const c1 = send(gate, 'c1', begun, 'c');
    await assert.rejects(a3.result, { code: 'unavailable', details: { retryAfterSeconds: 1 } });
    // Two lines of two, of which the newcomer's is shortened.
    await assert.rejects(send(gate, 'b2', begun, 'b').result, { code: 'unavailable' });
    const d1 = send(gate, 'd1', begun, 'd');
    await assert.rejects(a2.result, { code: 'unavailable' });
    await assert.rejects(send(gate, 'e1', begun, 'e').result, { code: 'unavailable' });
    assert.deepEqual(counters(gate), { running: 1, queued: 4 });
    for (const task of [running, a1, b1, c1, d1]) task.finish();
    await Promise.all([running, a1, b1, c1, d1].map(({ result }) => result));
    assert.deepEqual(begun, ['running', 'a1', 'b1', 'c1', 'd1']);
    assert.deepEqual(counters(gate), { running: 0, queued: 0 });
  });

  it('lets no new task overtake while a slot is handed over', async () => {
    const gate = new Gate({ concurrency: 1, queueMax: 8 });
    const begun: string[] = [];
    const first = send(gate, 'first', begun);
    const waiting = send(gate, 'waiting', begun);
    first.finish();
    await first.result;
    const newcomer = send(gate, 'newcomer', begun);
    await waiting.begins;
    assert.deepEqual(counters(gate), { running: 1, queued: 1 });
    waiting.finish();
    newcomer.finish();
    await newcomer.result;
    assert.deepEqual(begun, ['first', 'waiting', 'newcomer']);
  });

  for (const queueMax of [0, 1, 2]) {
    it(`rejects a task when ${queueMax} wait, with a time to retry after`, async () => {
      const gate = new Gate({ concurrency: 1, queueMax });
      const begun: string[] = [];
      const inside = Array.from({ length: 1 + queueMax }, (_, index) => send(gate, `${index}`, begun));
      await assert.rejects(send(gate, 'too many', begun).result, (error) => {
        assert.equal(error instanceof JotError && error.code, 'unavailable');
        assert.equal(error instanceof JotError && error.details.retryAfterSeconds, 1);
        return true;
      });
      assert.deepEqual(counters(gate), { running: 1, queued: queueMax });

      for (const task of inside) task.finish();
      await Promise.all(inside.map((task) => task.result));
      assert.equal(begun.includes('too many'), false);
      const again = send(gate, 'again', begun);
      again.finish();
      assert.equal(await again.result, 'again');
      assert.deepEqual(counters(gate), { running: 0, queued: 0 });
    });
  }

  it('rejects each task that has waited too long, while the slots are still taken', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const gate = new Gate({ concurrency: 1, queueMax: 9, waitMsMax: 100 });
    const begun: string[] = [];
    const running = send(gate, 'running', begun);
    const late = [send(gate, 'late', begun), send(gate, 'late too', begun)];
    t.mock.timers.tick(1);
    const inTime = send(gate, 'in time', begun);
    t.mock.timers.tick(98);
    assert.deepEqual(counters(gate), { running: 1, queued: 3 });
    t.mock.timers.tick(1);
    for (const { result } of late) {
      await assert.rejects(result, { code: 'unavailable', details: { retryAfterSeconds: 1 } });
    }
    assert.deepEqual(counters(gate), { running: 1, queued: 1 });
    running.finish();
    await inTime.begins;
    t.mock.timers.tick(1_000);
    inTime.finish();
    assert.equal(await inTime.result, 'in time');
    assert.deepEqual(begun, ['running', 'in time']);
    assert.deepEqual(counters(gate), { running: 0, queued: 0 });
  });

  it('has a free slot again after all queued tasks timed out', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const gate = new Gate({ concurrency: 1, queueMax: 9, waitMsMax: 100 });
    const running = send(gate, 'running');
    const late = send(gate, 'late');
    t.mock.timers.tick(100);
    await assert.rejects(late.result, { code: 'unavailable' });
    running.finish();
    await running.result;
    assert.deepEqual(counters(gate), { running: 0, queued: 0 });
    const again = send(gate, 'again');
    again.finish();
    assert.equal(await again.result, 'again');
  });

  it('queues 64 tasks by default, for 15 seconds', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const gate = new Gate({ concurrency: 1 });
    const tasks = Array.from({ length: 65 }, (_, index) => send(gate, `${index}`));
    await assert.rejects(send(gate, 'too many').result, { code: 'unavailable' });
    t.mock.timers.tick(14_999);
    assert.deepEqual(counters(gate), { running: 1, queued: 64 });
    t.mock.timers.tick(1);
    assert.deepEqual(counters(gate), { running: 1, queued: 0 });
    const [first, ...late] = tasks.map(({ result }) => result);
    for (const result of late) await assert.rejects(result, { code: 'unavailable' });
    tasks[0]?.finish();
    assert.equal(await first, '0');
  });

  it('rethrows the error of a task, and frees its slot', async () => {
    const gate = new Gate({ concurrency: 1, queueMax: 1 });
    const failing = send(gate, 'failing');
    const waiting = send(gate, 'waiting');
    failing.fail(new Error('out of memory'));
    await assert.rejects(failing.result, { message: 'out of memory' });
    await waiting.begins;
    assert.deepEqual(counters(gate), { running: 1, queued: 0 });
    waiting.finish();
    assert.equal(await waiting.result, 'waiting');
    assert.deepEqual(counters(gate), { running: 0, queued: 0 });
  });

  it('treats a task that throws synchronously as one that rejects', async () => {
    const gate = new Gate({ concurrency: 1, queueMax: 0 });
    const throwing = () => {
      throw new TypeError('no such cost');
    };
    await assert.rejects(gate.run('a caller', throwing), { name: 'TypeError', message: 'no such cost' });
    assert.deepEqual(counters(gate), { running: 0, queued: 0 });
  });

  it('hurry rejects the queued tasks, lets the running ones finish, and accepts new ones', async () => {
    const gate = new Gate({ concurrency: 1, queueMax: 8 });
    const a = send(gate, 'a');
    const waiting = [send(gate, 'b'), send(gate, 'c')];
    gate.hurry('It ends', 1_000);
    for (const { result } of waiting) {
      await assert.rejects(result, (error) => {
        assert.ok(error instanceof JotError);
        assert.deepEqual([error.code, error.message], ['unavailable', 'It ends']);
        assert.equal(error.details.retryAfterSeconds, 1);
        return true;
      });
    }
    assert.deepEqual(counters(gate), { running: 1, queued: 0 });
    const d = send(gate, 'd');
    for (const task of [a, d]) task.finish();
    assert.deepEqual(await Promise.all([a.result, d.result]), ['a', 'd']);
    assert.deepEqual(counters(gate), { running: 0, queued: 0 });
  });

  for (const [name, before, hurried, waitedMs, isServed] of [
    ['lets no task wait longer than that', 10_000, 1_000, 1_000, false],
    ['lets every task wait that long', 10_000, 1_000, 999, true],
    ['does not make a shorter time longer', 500, 1_000, 500, false],
  ] as const) {
    it(`hurry ${name}`, async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const gate = new Gate({ concurrency: 1, queueMax: 8, waitMsMax: before });
      const a = send(gate, 'a');
      gate.hurry('It ends', hurried);
      const b = send(gate, 'b');
      b.finish();
      const outcome = b.result.then(
        () => true,
        () => false,
      );
      t.mock.timers.tick(waitedMs);
      a.finish();
      assert.equal(await outcome, isServed);
    });
  }
});
