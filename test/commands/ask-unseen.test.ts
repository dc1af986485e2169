// What a person types without seeing it becomes a password, whatever keys are pressed on the way, and the terminal is as it
// was afterwards.

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { askUnseen, readLine, readOnlyLine } from '../../src/commands/ask-unseen.ts';
import { createWorld } from '../support/process/world.ts';

const GIVEN_UP = 'Cancelled; nothing was changed';
const NOT_UTF8 = 'The line is not UTF-8; nothing was changed';
const NOT_TYPED = 'The line holds control characters or is not UTF-8';

/** A terminal whose keys are pressed by the test, and what was done to it. */
function createTerminal() {
  const switched: boolean[] = [];
  const keys = new PassThrough();
  const stdin = Object.assign(keys, { isTTY: true, setRawMode: (isRaw: boolean) => switched.push(isRaw) });
  const { stdout, stderr, output } = createWorld();
  return { stdin, stdout, stderr, output, switched, keys };
}

type Ended = 'closed' | 'open';

/** What becomes of two questions when these keys are pressed, each piece by itself. */
async function ask(pieces: readonly (string | Uint8Array)[], ending: Ended = 'open') {
  const terminal = createTerminal();
  const asked = askUnseen(terminal, ['One: ', 'Two: ']).catch((error: Error) => error.message);
  for (const piece of pieces) terminal.keys.write(piece);
  if (ending === 'closed') terminal.keys.end();
  const answer = await asked;
  return { answer, ...terminal };
}

describe('askUnseen', () => {
  const rows: readonly [keys: (string | Uint8Array)[], answer: string[], reason: string][] = [
    [['foo\r', 'bar\r'], ['foo', 'bar'], 'a line for each question'],
    [['foo\nbar\n'], ['foo', 'bar'], 'both at once, and newlines as a program sends them'],
    [['f', 'o', 'o', '\r', '\r'], ['foo', ''], 'key by key; nothing is an answer too'],
    [['fox\u007fo\rb\b\b\bbar\r'], ['foo', 'bar'], 'either key erases, and not beyond the start'],
    [['é😀\u007f\r', 'e\u0301\u007f\r'], ['é', 'e'], 'a character is erased whole'],
    [['wrong\u0015foo\r', '\u0015\r'], ['foo', ''], 'Ctrl-U erases all'],
    [['fo\u0004o\r', 'x\r'], ['foo', 'x'], 'Ctrl-D within a line means nothing'],
    [['f\u001b[C\u001b[1;5Co\u001bOPo\u0000\r', 'x\r'], ['foo', 'x'], 'other keys add no characters'],
    [['[1;5D\r', 'O\r'], ['[1;5D', 'O'], 'what only looks like such a key is'],
    [[Buffer.from([0xc3]), Buffer.from([0xa9]), '\r', '\r'], ['é', ''], 'a character in two pieces'],
    [[' foo \r', '\u00a0\r'], [' foo ', '\u00a0'], 'spaces belong to it'],
    [['a\rb\rc\r'], ['a', 'b'], 'nothing behind the last answer'],
  ];
  for (const [keys, expected, reason] of rows) {
    it(`reads ${JSON.stringify(keys).slice(0, 60)}: ${reason}`, async () => {
      const { answer, output, switched } = await ask(keys);
      assert.deepEqual(answer, expected);
      assert.deepEqual(output, { stdout: '', stderr: 'One: \nTwo: \n' });
      assert.deepEqual(switched, [true, false]);
    });
  }

  const failing: readonly [keys: (string | Uint8Array)[], ending: Ended, message: string, reason: string][] =
    [
      [['\u0003'], 'open', GIVEN_UP, 'Ctrl-C'],
      [['foo\u0003\r\r'], 'open', GIVEN_UP, 'Ctrl-C within a line'],
      [['foo\rba\u0003'], 'open', GIVEN_UP, 'Ctrl-C in the second answer'],
      [['\u0004'], 'open', GIVEN_UP, 'Ctrl-D'],
      [['foo\u0015\u0004'], 'open', GIVEN_UP, 'Ctrl-D when all is erased'],
      [[], 'closed', GIVEN_UP, 'nobody there'],
      [['foo\r'], 'closed', GIVEN_UP, 'the end before the second answer'],
      [[Buffer.from([0x66, 0xff, 0x0d])], 'open', NOT_TYPED, 'a byte that is not UTF-8'],
      [['fo\to\r'], 'open', NOT_TYPED, 'a control character'],
    ];
  for (const [keys, ending, message, reason] of failing) {
    it(`rejects, and restores the terminal: ${reason}`, async () => {
      const { answer, output, switched, stdin } = await ask(keys, ending);
      assert.equal(answer, message);
      assert.deepEqual(switched, [true, false]);
      assert.match(output.stderr, /^One: \n(Two: \n)?$/);
      assert.equal(stdin.isPaused(), true);
    });
  }

  it('rejects, and restores the terminal, if the terminal is closed', async () => {
    const terminal = createTerminal();
    const asked = askUnseen(terminal, ['One: ']);
    terminal.keys.destroy(new Error('read EIO'));
    await assert.rejects(asked, { message: 'read EIO' });
    assert.deepEqual([terminal.switched, terminal.output.stderr], [[true, false], 'One: ']);
  });

  it('leaves no listener that keeps the process alive, and does not close the stream', async () => {
    const { stdin } = await ask(['a\rb\r']);
    assert.deepEqual([stdin.isPaused(), stdin.destroyed], [true, false]);
  });
});

describe('readLine', () => {
  const rows: readonly [bytes: string | Uint8Array, line: string, reason: string][] = [
    ['foo\n', 'foo', 'without its newline'],
    ['foo', 'foo', 'a line without one'],
    ['foo\r\n', 'foo', 'either kind'],
    ['foo\nbar\n', 'foo', 'nothing behind it'],
    ['\n', '', 'an empty line'],
    ['', '', 'nothing'],
  ];
  for (const [bytes, line, reason] of rows) {
    it(`returns ${reason}`, async () =>
      assert.equal(await readLine(createWorld({ stdin: bytes }).stdin), line));
  }
});

describe('readOnlyLine', () => {
  const read = (stdin: string) => readOnlyLine(createWorld({ stdin }).stdin);

  it('returns the only line, whatever empty lines follow', async () => {
    for (const text of ['foo', 'foo\n', 'foo\r\n\r\n', 'foo\n\n']) assert.equal(await read(text), 'foo');
    assert.equal(await read(''), '');
  });

  it('rejects a second line', async () => {
    const message = 'There is more than one line on standard input; nothing was changed';
    for (const text of ['foo\nbar', 'foo\nbar\n', '\nfoo\n', 'foo\n\n \n']) {
      await assert.rejects(read(text), { name: 'JotError', message });
    }
  });

  it('rejects input that is not UTF-8 or too long, without reading to the end', async () => {
    const endless = new PassThrough();
    endless.write('x'.repeat(8_193));
    await assert.rejects(readOnlyLine(endless), { name: 'JotError', message: 'The line is too long' });
    const bytes = Buffer.from([0x66, 0xff, 0x0a]);
    const { stdin } = createWorld({ stdin: bytes });
    await assert.rejects(readOnlyLine(stdin), { name: 'JotError', message: NOT_UTF8 });
  });
});
