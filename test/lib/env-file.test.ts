import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type Environment, withEnvFile } from '../../src/lib/env-file.ts';
import { temporaryFolder } from '../support/disk/temporary-folder.ts';

describe('withEnvFile', () => {
  it('returns the environment alone if there is no file', (t) => {
    const environment: Environment = { PORT: '1' };
    assert.equal(withEnvFile(`${temporaryFolder(t)}/.env`, environment), environment);
  });

  it('adds from the file the settings that the environment lacks', (t) => {
    const path = `${temporaryFolder(t)}/.env`;
    writeFileSync(path, 'PORT=2\nHOST=b\n');
    const settings = withEnvFile(path, { PORT: '1' });
    assert.deepEqual(settings, { PORT: '1', HOST: 'b' });
  });

  const rows: readonly (readonly [text: string, line: number | null, reason: string])[] = [
    ['', null, 'nothing'],
    ['# a comment\n\n  # another\n \t\nPORT=1', null, 'comments and blank lines'],
    ['PORT=1\r\n\r\nHOST=a\r\n', null, 'the ends of lines of another system'],
    ['PORT 1', 1, 'a space in place of the sign'],
    ['HOST=a\nPORT: 1\nLOG=off\nhunter2\n', 2, 'the first of two'],
    ['A="one\ntwo\nthree"\nB\n', 4, 'a line after a value of several lines'],
    ["A='one'\ntwo\nB='three'\n", 2, 'quotes that end in their line'],
    ['A="one\ntwo\n', 2, 'quotes without an end'],
    ['# a="\nB\nC="\n', 2, 'a quote in a comment'],
  ];
  for (const [text, line, reason] of rows) {
    it(`${line === null ? 'accepts' : 'rejects'} ${reason}`, (t) => {
      const path = `${temporaryFolder(t)}/.env`;
      writeFileSync(path, text);
      if (line === null) withEnvFile(path, {});
      else
        assert.throws(() => withEnvFile(path, {}), { message: `Cannot read .env: line ${line} has no "="` });
    });
  }

  it('ignores a byte order mark before the first name', (t) => {
    const path = `${temporaryFolder(t)}/.env`;
    writeFileSync(path, '\uFEFFPORT=2\nHOST=b\n');
    const settings = withEnvFile(path, {});
    assert.deepEqual(
      [settings.PORT, settings.HOST, Object.keys(settings).sort()],
      ['2', 'b', ['HOST', 'PORT']],
    );
  });

  it('rejects a file that is not UTF-8, whose settings would have no effect', (t) => {
    const path = `${temporaryFolder(t)}/.env`;
    const text = 'PORT=2\nJWT_SECRET_KEY=hunter2\n';
    const withMark = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
    for (const content of [
      withMark,
      Buffer.from(text, 'utf16le'),
      Buffer.from('PORT=2\nHOST=\xe9\n', 'latin1'),
    ]) {
      writeFileSync(path, content);
      assert.throws(() => withEnvFile(path, {}), { message: 'Cannot read .env: it is not a text in UTF-8' });
    }
    writeFileSync(path, text);
    assert.equal(withEnvFile(path, {}).PORT, '2');
  });

  it('throws if the file cannot be read', (t) => {
    const path = `${temporaryFolder(t)}/.env`;
    mkdirSync(path);
    assert.throws(() => withEnvFile(path, {}), {
      code: 'unavailable',
      message: /^Cannot read \.env: EISDIR/,
    });
  });
});
