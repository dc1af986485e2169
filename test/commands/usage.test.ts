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
  it('returns only the usage without parameters and details', () => {
    assert.equal(helpOf(command()), 'Usage: jot do\n\n  do something\n');
  });

  it('returns a line for each parameter, in the order of the command line, and then the details', () => {
    const parameters = { '[--all]': 'everything', '<name>': 'whose' };
    assert.equal(
      helpOf(command({ parameters, details: '\nMore.' })),
      'Usage: jot do [--all] <name>\n\n  do something\n\n  [--all]   everything\n  <name>    whose\n\nMore.\n',
    );
  });

  for (const each of commands) {
    it(`returns for ${each.name} its usage first, and lines of 80 characters at most`, () => {
      const text = helpOf(each);
      assert.ok(text.startsWith(usageOfOne(each)));
      for (const line of text.split('\n').slice(3)) assert.ok(line.length <= 80, line);
    });
  }
});

describe('README.md: the table of commands', () => {
  it('lists all commands, with their parameters', () => {
    const [, section = ''] = /\n\| command \|[^\n]*\n(.*?)\n\n/s.exec(readme) ?? [];
    const rows = [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, typed]) => typed);
    const known = commands
      .filter(({ name }) => name !== 'help')
      .map(({ name, parameters = {} }) => [name, ...Object.keys(parameters)].join(' '));
    assert.deepEqual(rows.sort(), known.sort());
  });
});
