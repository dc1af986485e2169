import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { counted, dataFileOf, parseArguments, print, UsageError } from '../../src/commands/command.ts';
import { firstOf, rowsOf } from '../../src/commands/report.ts';
import { systemError } from '../support/disk/faulty-file-system.ts';
import { createWorld } from '../support/process/world.ts';

describe('parseArguments', () => {
  const command = { parameters: { '[--loud]': 'an option', '<name>': 'needed', '[file]': 'not needed' } };
  const good: readonly (readonly [args: string[], options: string[], positionals: string[], why: string])[] =
    [
      [['a'], [], ['a'], 'as few as there must be'],
      [['a', 'b'], [], ['a', 'b'], 'as many as there may be'],
      [['--loud', 'a'], ['loud'], ['a'], 'an option first'],
      [['a', '--loud', '--loud'], ['loud'], ['a'], 'an option last, and twice'],
      [['--', '--loud'], [], ['--loud'], 'an argument that looks like an option'],
    ];
  for (const [args, options, positionals, why] of good) {
    it(`accepts ${JSON.stringify(args)}: ${why}`, () => {
      const parsed = parseArguments(command, args);
      assert.deepEqual([...parsed.options], options);
      assert.deepEqual(parsed.positionals, positionals);
    });
  }

  const bad: readonly (readonly [args: string[], message: RegExp, why: string])[] = [
    [[], /^<name> is missing$/, 'too few'],
    [
      ['a', 'b', 'c'],
      /^there are too many arguments$/,
      'too many, and the message does not quote the last one',
    ],
    [['--quiet'], /^Unknown option '--quiet'/, 'an unknown option'],
    [['-l'], /^Unknown option '-l'/, 'short options do not exist'],
    [['--loud=1'], /'--loud' does not take an argument$/, 'an option is there or not'],
  ];
  for (const [args, message, why] of bad) {
    it(`rejects ${JSON.stringify(args)}: ${why}`, () => {
      assert.throws(
        () => parseArguments(command, args),
        (error: Error) => error instanceof UsageError && message.test(error.message),
      );
    });
  }

  it('accepts no arguments if none are declared', () => {
    assert.deepEqual(parseArguments({}, []).positionals, []);
    assert.throws(() => parseArguments({}, ['a']), { name: 'UsageError' });
  });
});

describe('dataFileOf', () => {
  const settings = { DATABASE_URL: 'file:data/other.jsonl' };

  it('returns the file of the argument, of the settings, or the default', () => {
    assert.equal(dataFileOf(createWorld({ settings }), ['a.jsonl']), 'a.jsonl');
    assert.equal(dataFileOf(createWorld({ settings }), []), 'data/other.jsonl');
    assert.equal(dataFileOf(createWorld(), []), 'data/jot.jsonl');
  });

  it('reads the settings only without an argument', () => {
    const world = createWorld({ settings: { PORT: 'none' } });
    assert.equal(dataFileOf(world, ['a.jsonl']), 'a.jsonl');
    assert.throws(() => dataFileOf(world, []), { code: 'validation_failed' });
  });

  it('throws for a store in memory', () => {
    const world = createWorld({ settings: { DATABASE_URL: 'memory:' } });
    assert.throws(() => dataFileOf(world, []), {
      code: 'unavailable',
      message: 'DATABASE_URL names a store in memory, which only its server can reach',
    });
  });
});

describe('counted, rowsOf and firstOf', () => {
  it('counted and rowsOf format a count and its noun', () => {
    const texts = [0, 1, 2, 1234567].map((count) => counted(count, 'post'));
    assert.deepEqual(texts, ['0 posts', '1 post', '2 posts', '1,234,567 posts']);
    assert.deepEqual(
      [counted(1, 'entry', 'entries'), counted(2, 'entry', 'entries')],
      ['1 entry', '2 entries'],
    );
    assert.deepEqual([rowsOf(1, 'users'), rowsOf(0, 'sessions')], ['1 user', '0 sessions']);
  });

  it('firstOf keeps the first lines and counts the others', () => {
    assert.deepEqual(firstOf(['a', 'b'], 2), ['a', 'b']);
    assert.deepEqual(firstOf(['a', 'b', 'c'], 2), ['a', 'b', 'and 1 more']);
    assert.deepEqual(firstOf(['a', 'b'], 2, 1002), ['a', 'b', 'and 1,000 more']);
  });
});

describe('print', () => {
  it('resolves when the stream has written the text', async () => {
    const { stdout, output } = createWorld();
    await print(stdout, 'one\n');
    assert.equal(output.stdout, 'one\n');
  });

  it('rejects if the write fails after the stream accepted it', async () => {
    const full = new Writable({
      write: (_text, _encoding, done) => setImmediate(done, systemError('ENOSPC')),
    });
    full.on('error', () => undefined);
    await assert.rejects(print(full, 'one\n'), { code: 'ENOSPC' });
  });
});
