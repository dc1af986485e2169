import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type Environment, withEnvFile } from '../../src/lib/env-file.ts';
import { type Cleanup, temporaryFolder } from '../support/disk/temporary-folder.ts';
import { skipWithout } from '../support/process/tools.ts';

const SECRET = 'hunter2';

function read(t: Cleanup, content: string | Buffer) {
  const path = `${temporaryFolder(t)}/.env`;
  writeFileSync(path, content);
  const { settings, problems } = withEnvFile(path, {});
  assert.doesNotMatch(JSON.stringify(problems), new RegExp(SECRET), 'a line may hold a secret');
  return { settings, problems: problems.map(({ name, expected }) => [name.replace(path, '.env'), expected]) };
}

describe('withEnvFile', () => {
  it('returns the environment alone if there is no file', (t) => {
    const environment: Environment = { PORT: '1' };
    assert.deepEqual(withEnvFile(`${temporaryFolder(t)}/.env`, environment), {
      settings: environment,
      problems: [],
    });
  });

  it('adds from the file the settings that the environment lacks', (t) => {
    const path = `${temporaryFolder(t)}/.env`;
    writeFileSync(path, 'PORT=2\nHOST=b\n');
    const { settings } = withEnvFile(path, { PORT: '1' });
    assert.deepEqual(settings, { PORT: '1', HOST: 'b' });
  });

  const accepted: readonly (readonly [text: string, settings: Environment, reason: string])[] = [
    ['', {}, 'nothing'],
    ['# a comment\n\n  # another\n \t\n#A=1\nB=1', { B: '1' }, 'comments and blank lines'],
    ['A=1\r\n\r\nB=a b\r\n', { A: '1', B: 'a b' }, 'the line ends of Windows'],
    ['  A = 1 \t\nB=\n', { A: '1', B: '' }, 'white space around name and value, and no value'],
    ['A=1\nA=2\n', { A: '2' }, 'a name again: the last one counts'],
    ['A=a#b\nB=##c', { A: 'a#b', B: '##c' }, 'a # in a secret, also the first character'],
    ['A=a #b\nB= # c\nC=a\t#b', { A: 'a', B: '', C: 'a' }, 'a comment after white space'],
    ['A=a=b==\nB=x?y=1&z=2', { A: 'a=b==', B: 'x?y=1&z=2' }, 'further equals signs'],
    [`A='a #$\\\`"b'`, { A: 'a #$\\`"b' }, 'any character in single quotes'],
    [`A="it's #1" # c`, { A: "it's #1" }, 'a single quote in double quotes'],
    [`A=' a '\nB=""`, { A: ' a ', B: '' }, 'white space in quotes'],
    [
      'A="one\ntwo # three"\nB=\'\n\'\nC=1',
      { A: 'one\ntwo # three', B: '\n', C: '1' },
      'several lines in quotes',
    ],
    ['\uFEFFA=2\nB=b\n', { A: '2', B: 'b' }, 'a byte order mark before the first name'],
    ['A=é\u00a0', { A: 'é\u00a0' }, 'any other character'],
  ];
  for (const [text, settings, reason] of accepted) {
    it(`accepts ${JSON.stringify(text)}: ${reason}`, (t) => {
      assert.deepEqual(read(t, text), { settings, problems: [] });
    });
  }

  it('reads the settings that bash reads', { skip: skipWithout(['bash', '--version']) }, (t) => {
    const text = 'A=a#b==\nB=?x # c\nC=\'$D `"\\ #\'\nD="it\'s\n#"\n#E=1\nF=\nG=ln=1,r=1 # c\n';
    const { settings, problems } = read(t, text);
    const { stdout } = spawnSync('bash', ['-c', 'set -a; eval "$(cat)"; env -0'], {
      input: text,
      encoding: 'utf8',
    });
    const lines = stdout.split('\0');
    for (const [name, value] of Object.entries(settings)) assert.ok(lines.includes(`${name}=${value}`), name);
    assert.deepEqual([Object.keys(settings).join(''), problems], ['ABCDFG', []]);
  });

  const rejected: readonly (readonly [text: string, lines: readonly number[], reason: string])[] = [
    ['PORT 3001\nNODE_ENV=production', [1], 'a space in place of the sign'],
    ['A=1\n== jot ==\nNODE_ENV=production', [2], 'a heading'],
    ['<<<<<<< HEAD\nA=1\n=======\nA=2\n>>>>>>> b\nNODE_ENV=production', [1, 3, 5], 'a merge conflict'],
    ['A=1\nB: 1\nLOG=off\nhunter2\nNODE_ENV=production', [2, 4], 'another format'],
    ['export A=1\nNODE_ENV=production', [1], 'a word of the shell, which systemd ignores with its line'],
    ['A="one\ntwo"\n; b\nNODE_ENV=production', [3], 'a line after a value of several lines'],
    ['A="hunter2\nNODE_ENV=production', [1], 'quotes without an end'],
    ['A="one\nB="two"\nNODE_ENV=production', [1], 'quotes that end in a later setting'],
    ["A='one' two\nNODE_ENV=production", [1], 'text after quotes'],
    ["A='one'#two\nNODE_ENV=production", [1], 'no white space between quotes and a comment'],
    ['A=hunter2"\nB=a\'b\nNODE_ENV=production', [1, 2], 'a quote in a value'],
    ['A=a$b\nB=`a`\nC=a\\b\nNODE_ENV=production', [1, 2, 3], 'characters that a shell replaces'],
    ['A="a$b"\nB="a\\nb"\nC="`a`"\nNODE_ENV=production', [1, 2, 3], 'the same in double quotes'],
    ['A-B=1\n1A=1\nÄ=1\nNODE_ENV=production', [1, 2, 3], 'a name that no shell has'],
  ];
  for (const [text, lines, reason] of rejected) {
    it(`rejects ${lines.length} of the lines ${JSON.stringify(text)}, and no other: ${reason}`, (t) => {
      const { settings, problems } = read(t, text);
      const expected =
        '`NAME=value`, with the value in single quotes if it holds a quote, `$`, a backtick or `\\`';
      assert.deepEqual(
        problems,
        lines.map((line) => [`.env, line ${line}`, expected]),
      );
      assert.equal(settings.NODE_ENV, 'production');
    });
  }

  it('reports at most ten lines of a file that is something else', (t) => {
    assert.equal(read(t, 'a\n'.repeat(100_000)).problems.length, 10);
  });

  it('rejects a file that is not UTF-8, whose settings would have no effect', (t) => {
    const text = 'A=2\nJWT_SECRET_KEY=hunter2\n';
    const utf16 = Buffer.from(text, 'utf16le');
    const withMark = Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]);
    for (const content of [withMark, utf16, Buffer.from('A=\xe9\n', 'latin1'), 'A=1\0\n']) {
      const problem = ['.env', 'a readable file: it is not a text in UTF-8'];
      assert.deepEqual(read(t, content), { settings: {}, problems: [problem] });
    }
    assert.equal(read(t, text).settings.A, '2');
  });

  it('reports a file that cannot be read, and a missing one if it was asked for', (t) => {
    const path = `${temporaryFolder(t)}/.env`;
    const problemOf = () => withEnvFile(path, { A: '1' }, true).problems.map(({ expected }) => expected);
    assert.match(String(problemOf()), /^a readable file: ENOENT/);
    writeFileSync(path, '');
    assert.deepEqual(problemOf(), []);
    rmSync(path);
    mkdirSync(path);
    assert.match(String(problemOf()), /^a readable file: EISDIR/);
  });
});
