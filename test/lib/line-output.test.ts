import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { LineOutput } from '../../src/lib/line-output.ts';

const MEBIBYTE = 1024 * 1024;
const REPORT = 'lines were lost\n';

function errno(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

/** An output to a descriptor that takes that many bytes, and then fails with the error. */
function limitedOutput(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const descriptor = { room: Number.POSITIVE_INFINITY, error: errno('ENOSPC'), text: '', calls: 0 };
  const output = new LineOutput({
    write: (bytes) => {
      descriptor.calls++;
      if (descriptor.room === 0) throw descriptor.error;
      const taken = bytes.subarray(0, descriptor.room);
      descriptor.room -= taken.length;
      descriptor.text += Buffer.from(taken);
      return taken.length;
    },
    onResume: () => output.add(REPORT),
  });
  return { output, descriptor };
}

describe('LineOutput', () => {
  it('writes all lines of one event-loop turn together, and in order', async (t) => {
    const { output, descriptor } = limitedOutput(t);
    for (const line of ['a\n', 'b\n', 'c\n']) output.add(line);
    assert.equal(descriptor.text, '');
    await turn();
    assert.deepEqual([descriptor.text, descriptor.calls], ['a\nb\nc\n', 1]);
    output.add('d\n');
    await turn();
    assert.deepEqual([descriptor.text, descriptor.calls], ['a\nb\nc\nd\n', 2]);
  });

  it('flush writes the lines immediately, and only once', async (t) => {
    const { output, descriptor } = limitedOutput(t);
    output.add('a\n');
    output.flush();
    output.flush();
    await turn();
    assert.equal(descriptor.text, 'a\n');
  });

  it('drops and counts the lines that cannot be written, resumes, and reports the loss once', async (t) => {
    const { output, descriptor } = limitedOutput(t);
    descriptor.room = 0;
    for (const lines of [['a\n', 'b\n'], ['c\n']]) {
      for (const line of lines) output.add(line);
      await turn();
    }
    assert.equal(output.linesLost, 3);
    descriptor.room = Number.POSITIVE_INFINITY;
    for (const line of ['d\n', 'e\n']) {
      output.add(line);
      await turn();
    }
    assert.deepEqual([descriptor.text, output.linesLost], [`d\n${REPORT}e\n`, 3]);
  });

  it('completes a line that was cut by a full disk before it writes others', async (t) => {
    const { output, descriptor } = limitedOutput(t);
    descriptor.room = 4;
    for (const line of ['one\n', 'two\n', 'three\n']) output.add(line);
    descriptor.room = 6;
    output.flush();
    assert.deepEqual([descriptor.text, output.linesLost], ['one\ntw', 1]);
    output.add('four\n');
    output.flush();
    assert.deepEqual([descriptor.text, output.linesLost], ['one\ntw', 2]);
    descriptor.room = Number.POSITIVE_INFINITY;
    output.add('five\n');
    output.flush();
    output.flush();
    assert.deepEqual([descriptor.text, output.linesLost], [`one\ntwo\nfive\n${REPORT}`, 2]);
  });

  it('does not complete a line for the next reader of a pipe', async (t) => {
    const { output, descriptor } = limitedOutput(t);
    descriptor.room = 2;
    descriptor.error = errno('EPIPE');
    output.add('one\n');
    await output.drain(60_000);
    descriptor.room = Number.POSITIVE_INFINITY;
    output.add('two\n');
    await output.drain(60_000);
    assert.deepEqual([descriptor.text, output.linesLost], [`ontwo\n${REPORT}`, 1]);
  });

  it('keeps the lines that a full pipe does not take, and writes them later without a new line', (t) => {
    const { output, descriptor } = limitedOutput(t);
    descriptor.room = 3;
    descriptor.error = errno('EAGAIN');
    for (const line of ['a\n', 'b\n', 'c\n']) output.add(line);
    output.flush();
    assert.equal(descriptor.text, 'a\nb');
    output.add('d\n');
    output.flush();
    descriptor.room = Number.POSITIVE_INFINITY;
    t.mock.timers.tick(60_000);
    assert.deepEqual([descriptor.text, output.linesLost], ['a\nb\nc\nd\n', 0]);
  });

  it('does not call write for each turn while a pipe is full', async (t) => {
    const { output, descriptor } = limitedOutput(t);
    descriptor.room = 0;
    descriptor.error = errno('EAGAIN');
    for (let count = 0; count < 100; count++) {
      output.add('a\n');
      await turn();
    }
    assert.equal(descriptor.calls, 1);
  });

  for (const [name, character] of [
    ['ASCII', 'x'],
    ['three bytes a character', '€'],
  ] as const) {
    it(`keeps at most 4 MiB for a reader that sleeps, then drops and counts: ${name}`, (t) => {
      const { output, descriptor } = limitedOutput(t);
      descriptor.room = 0;
      descriptor.error = errno('EAGAIN');
      const line = `${character.repeat(999)}\n`;
      const kept = Math.floor((4 * MEBIBYTE) / Buffer.byteLength(line));
      for (let count = 0; count < 5_000; count++) {
        output.add(line);
        output.flush();
      }
      assert.equal(output.linesLost, 5_000 - kept);
      descriptor.room = Number.POSITIVE_INFINITY;
      t.mock.timers.tick(60_000);
      output.flush();
      assert.equal(descriptor.text, line.repeat(kept) + REPORT);
    });
  }

  it('drain waits until a slow reader has taken every line, the report of a loss included', async () => {
    const written: string[] = [];
    const failures = ['ENOSPC', '', 'EAGAIN', 'EAGAIN'];
    const output = new LineOutput({
      write: (bytes) => {
        const code = failures.shift();
        if (code) throw errno(code);
        written.push(Buffer.from(bytes).toString());
        return bytes.length;
      },
      onResume: () => output.add(REPORT),
    });
    for (const line of ['a\n', 'b\n']) {
      output.add(line);
      output.flush();
    }
    output.add('c\n');
    await output.drain(60_000);
    assert.deepEqual(written, ['b\n', `${REPORT}c\n`]);
  });

  it('drain returns after its time if the reader still sleeps', async () => {
    let isAwake = false;
    const output = new LineOutput({
      write: ({ length }) => {
        if (!isAwake) throw errno('EAGAIN');
        return length;
      },
      onResume: () => undefined,
    });
    output.add('a\n');
    await output.drain(10);
    isAwake = true;
    await output.drain(60_000);
    assert.equal(output.linesLost, 0);
  });

  it('counts every line on a device that is always full', { skip: !existsSync('/dev/full') }, async (t) => {
    const descriptor = openSync('/dev/full', 'w');
    t.after(() => closeSync(descriptor));
    const write = (bytes: Uint8Array) => writeSync(descriptor, bytes);
    const output = new LineOutput({ write, onResume: () => assert.fail('nothing can be written') });
    for (let count = 1; count <= 3; count++) {
      output.add('a\n');
      await turn();
      assert.equal(output.linesLost, count);
    }
  });
});
