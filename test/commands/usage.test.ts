// What a command's help says, and that the README has the same commands with the same parameters.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Command } from '../../src/commands/command.ts';
import { commands } from '../../src/commands/commands.ts';
import { helpOf, usageOfOne } from '../../src/commands/usage.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

function command(more: Partial<Command> = {}): Command {
  return { name: 'do', summary: 'do something', run: async () => 0, ...more };
}

describe('helpOf', () => {
  const CODES =
    'Exit codes: 0: done; 1: it failed; 2: wrong usage; 65: the data file is damaged,\nor is not one.\n';

  it('is the usage and the exit codes where there is nothing else to say', () => {
    assert.equal(helpOf(command()), `Usage: jot do\n\n  do something\n\n${CODES}`);
  });

  it('has a line for each parameter, in the order in which they are typed', () => {
    const parameters = { '[--all]': 'everything', '<name>': 'whose' };
    assert.equal(
      helpOf(command({ parameters })),
      `Usage: jot do [--all] <name>\n\n  do something\n\n  [--all]   everything\n  <name>    whose\n\n${CODES}`,
    );
  });

  it('breaks the lines of its details anew, and no word', () => {
    const details = `${'word '.repeat(20)}\n   ${'x'.repeat(90)} end`;
    const text = helpOf(command({ details }));
    const first = 'word '.repeat(16).trim();
    assert.ok(text.includes(`\n\n${first}\n${'word '.repeat(4).trim()}\n${'x'.repeat(90)}\nend\n\n`), text);
  });

  it('tells of no damage apart where finding some is what exit code 1 says', () => {
    const text = helpOf(command({ failure: 'there is damage' }));
    assert.match(text, /\nExit codes: 0: done; 1: there is damage; 2: wrong usage\.\n$/);
  });

  for (const each of commands) {
    it(`of ${each.name} says more than its usage, in lines of 80 characters`, () => {
      const text = helpOf(each);
      assert.ok((each.details ?? '').length > 80, 'it has details');
      assert.ok(text.startsWith(usageOfOne(each)));
      for (const line of text.split('\n').slice(3)) assert.ok(line.length <= 80, line);
    });
  }
});

describe('README: the commands', () => {
  it('are those that there are, with their parameters', () => {
    const [, section = ''] = /\n\| command \| what it does \|\n(.*?)\n\n/s.exec(readme) ?? [];
    const rows = [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, typed]) => typed);
    const known = commands.map(({ name, parameters = {} }) => [name, ...Object.keys(parameters)].join(' '));
    // Two more are in `main.ts`, and take nothing.
    assert.deepEqual(rows.sort(), [...known, 'serve', 'version'].sort());
  });
});
