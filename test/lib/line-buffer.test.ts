import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { LineBuffer } from '../../src/lib/line-buffer.ts';

function buffered(): { lines: LineBuffer; written: string[] } {
  const written: string[] = [];
  return { lines: new LineBuffer((text) => written.push(text)), written };
}

describe('LineBuffer', () => {
  it('writes all lines of one event-loop turn together, and in order', async () => {
    const { lines, written } = buffered();
    for (const line of ['a\n', 'b\n', 'c\n']) lines.add(line);
    assert.deepEqual(written, []);
    await turn();
    assert.deepEqual(written, ['a\nb\nc\n']);
    lines.add('d\n');
    await turn();
    assert.deepEqual(written, ['a\nb\nc\n', 'd\n']);
  });

  it('flush writes the waiting lines immediately, and only once', async () => {
    const { lines, written } = buffered();
    lines.add('a\n');
    lines.flush();
    lines.flush();
    assert.deepEqual(written, ['a\n']);
    await turn();
    assert.deepEqual(written, ['a\n']);
  });

  it('continues after a write that threw', async () => {
    const written: string[] = [];
    const lines = new LineBuffer((text) => {
      if (text === 'a\n') throw new Error('no room');
      written.push(text);
    });
    lines.add('a\n');
    assert.throws(() => lines.flush(), { message: 'no room' });
    lines.add('b\n');
    await turn();
    assert.deepEqual(written, ['b\n']);
  });
});
