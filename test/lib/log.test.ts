import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createLog, type LogFields, type LogFormat } from '../../src/lib/log.ts';

const NOON = Date.UTC(2026, 10, 23, 12, 35, 13, 7);
// What ends a line somewhere, or what a terminal obeys: the C0 and C1 controls, DEL, U+2028 and U+2029.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

function written(format: LogFormat, message: string, fields?: LogFields): string[] {
  const lines: string[] = [];
  createLog({ format, write: (line) => lines.push(line), now: () => NOON }).info(message, fields);
  return lines;
}

function only(lines: readonly string[]): string {
  assert.equal(lines.length, 1);
  return lines[0] ?? '';
}

function assertOneLine(line: string): void {
  assert.equal(line.at(-1), '\n');
  assert.doesNotMatch(line.slice(0, -1), CONTROLS);
}

const hostile: [name: string, text: string, reason: string][] = [
  ['LF', 'a\n2026-11-23T12:00:00.000Z info forged', 'starts a line'],
  ['CR LF', 'a\r\n2026-11-23T12:00:00.000Z info forged', 'starts a line elsewhere'],
  ['CR', 'a\rforged', 'overwrites the line on a terminal'],
  ['U+2028', 'a\u2028forged', 'ends a line for JavaScript and many viewers'],
  ['U+2029', 'a\u2029forged', 'ends a paragraph for them'],
  ['NEL', 'a\u0085forged', 'ends a line for Unicode'],
  ['CSI', 'a\u009b2Jforged', 'begins a terminal command, as one C1 control'],
  ['ESC', 'a\u001b[2Jforged', 'begins a terminal command'],
  ['NUL', 'a\u0000forged', 'ends the text for a reader written in C'],
  ['DEL', 'a\u007fforged', 'a control that JSON leaves as it is'],
  ['backslash DEL', 'a\\\u007fforged', 'a backslash must not swallow the escape'],
  ['quotes', '" message="forged', 'would end a quoted value'],
];

describe('createLog', () => {
  for (const format of ['json', 'text'] as const) {
    for (const [name, text, reason] of hostile) {
      it(`${format}: a field with ${name} stays one line: ${reason}`, () => {
        assertOneLine(only(written(format, 'event', { name: text, list: [text], after: 1 })));
      });

      it(`${format}: a message with ${name} stays one line: ${reason}`, () => {
        assertOneLine(only(written(format, text)));
      });
    }
  }

  it('writes time, level and message for each level', () => {
    const lines: string[] = [];
    const log = createLog({ format: 'text', write: (line) => lines.push(line), now: () => NOON });
    log.info('started');
    log.warn('nearly full');
    log.error('failed');
    assert.deepEqual(lines, [
      '2026-11-23T12:35:13.007Z info started\n',
      '2026-11-23T12:35:13.007Z warn nearly full\n',
      '2026-11-23T12:35:13.007Z error failed\n',
    ]);
  });

  it('reads the clock for each event', () => {
    const lines: string[] = [];
    let now = NOON;
    const log = createLog({ format: 'text', write: (line) => lines.push(line), now: () => now });
    log.info('one');
    now += 1_000;
    log.info('two');
    assert.deepEqual(lines, ['2026-11-23T12:35:13.007Z info one\n', '2026-11-23T12:35:14.007Z info two\n']);
  });

  it('counts a line whose write throws or rejects, and lines that were dropped later', async () => {
    const outcomes = [
      () => assert.fail('no room'),
      () => Promise.reject(new Error('no room')),
      () => Promise.resolve(),
      () => undefined,
    ];
    const log = createLog({
      format: 'json',
      write: () => outcomes.shift()?.(),
      linesDropped: () => 10,
      now: () => NOON,
    });
    while (outcomes.length > 0) log.info('event');
    await setImmediate();
    assert.equal(log.linesLost, 12);
  });

  it('writes nothing with the format off', () => {
    const lines: string[] = [];
    const log = createLog({ format: 'off', write: (line) => lines.push(line), now: () => NOON });
    log.info('one');
    log.warn('two', { name: 'x' });
    log.error('three', { stack: 'Error' });
    assert.deepEqual(lines, []);
  });
});

describe('createLog json', () => {
  it('writes an object that parses back to the event', () => {
    const line = only(written('json', 'answered', { status: 200, path: '/users', ms: 1.5, user: null }));
    assert.deepEqual(JSON.parse(line), {
      time: '2026-11-23T12:35:13.007Z',
      level: 'info',
      message: 'answered',
      status: 200,
      path: '/users',
      ms: 1.5,
      user: null,
    });
  });

  for (const [name, text] of hostile) {
    it(`writes ${name} so that it parses back unchanged`, () => {
      const parsed: unknown = JSON.parse(only(written('json', text, { name: text, list: [text] })));
      assert.deepEqual(parsed, {
        time: '2026-11-23T12:35:13.007Z',
        level: 'info',
        message: text,
        name: text,
        list: [text],
      });
    });
  }

  it('keeps a stack on the line', () => {
    const stack = 'Error: no\n    at here\n    at there';
    const line = only(written('json', 'failed', { stack }));
    assertOneLine(line);
    assert.equal(JSON.parse(line).stack, stack);
  });

  it('leaves out a field that is undefined', () => {
    assert.equal('user' in JSON.parse(only(written('json', 'answered', { user: undefined }))), false);
  });
});

describe('createLog text', () => {
  const values: [value: unknown, shown: string, reason: string][] = [
    ['/users/1?limit=2', '/users/1?limit=2', 'a plain word stays as it is'],
    ['matt@example.org', 'matt@example.org', 'another one'],
    ['two words', '"two words"', 'a space would make it two fields'],
    ['', '""', 'nothing at all would look like the next field'],
    ['a"b', '"a\\"b"', 'a quote is escaped'],
    ['é', '"é"', 'a letter outside ASCII is readable, in quotes'],
    ['a\r\nb', '"a\\r\\nb"', "JSON's own escapes"],
    ['\u009b\u2028', '"\\u009b\\u2028"', 'and the ones that JSON leaves out'],
    [200, '200', 'a number'],
    [false, 'false', 'a boolean'],
    [null, 'null', 'null'],
    [['a', 1], '["a",1]', 'a list'],
    [{ a: 'b c' }, '{"a":"b c"}', 'an object'],
    [() => 1, 'undefined', 'what JSON has no word for'],
  ];
  for (const [value, shown, reason] of values) {
    it(`writes ${shown}: ${reason}`, () => {
      assert.equal(
        only(written('text', 'event', { value })),
        `2026-11-23T12:35:13.007Z info event value=${shown}\n`,
      );
    });
  }

  it('leaves out a field that is undefined and keeps its neighbours', () => {
    const line = only(written('text', 'event', { a: 1, b: undefined, c: 3 }));
    assert.equal(line, '2026-11-23T12:35:13.007Z info event a=1 c=3\n');
  });

  it('prints a stack below the event, indented', () => {
    const line = only(written('text', 'failed', { stack: 'Error: no\n    at here\n    at there', id: 'x' }));
    assert.deepEqual(line.split('\n'), [
      '2026-11-23T12:35:13.007Z info failed id=x',
      '    Error: no',
      '        at here',
      '        at there',
      '',
    ]);
  });

  it('indents the lines of a stack, which cannot pass for events', () => {
    for (const [name, text] of hostile) {
      const [event = '', ...below] = only(written('text', 'failed', { stack: text }))
        .slice(0, -1)
        .split('\n');
      assert.equal(event, '2026-11-23T12:35:13.007Z info failed', name);
      for (const line of below) {
        assert.match(line, /^ {4}/, name);
        assert.doesNotMatch(line, CONTROLS, name);
      }
    }
  });
});
