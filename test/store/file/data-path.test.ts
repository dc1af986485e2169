import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { JotError } from '../../../src/lib/errors.ts';
import { explained } from '../../../src/store/file/data-path.ts';
import { systemError } from '../../support/disk/faulty-file-system.ts';
import { rejects } from '../../support/disk/stores.ts';
import { temporaryFolder } from '../../support/disk/temporary-folder.ts';

describe('explained', () => {
  it('returns the result of the action', async () => {
    assert.equal(await explained('open', 'jot.jsonl', async () => 7), 7);
  });

  it('names the action and the file that failed, and keeps the cause', async (t) => {
    const path = `${temporaryFolder(t)}/none.jsonl`;
    await assert.rejects(
      explained('open', path, () => open(path)),
      (error: JotError) => {
        assert.equal(error.code, 'unavailable');
        assert.match(error.message, /^Can't open the data file \S+none\.jsonl: ENOENT: /);
        assert.equal((error.details.cause as NodeJS.ErrnoException).syscall, 'open');
        return true;
      },
    );
  });

  it('explains how a missing file is created', async (t) => {
    const path = `${temporaryFolder(t)}/none.jsonl`;
    await assert.rejects(
      explained('find', path, () => open(path)),
      {
        message: `There is no data file ${path}; a start of the server makes the one that DATABASE_URL names`,
      },
    );
    const message = /^Can't open the data file \S+: EIO$/;
    const broken = Object.assign(new Error('EIO'), { code: 'EIO' });
    await assert.rejects(
      explained('find', path, () => Promise.reject(broken)),
      { message },
    );
  });

  it('keeps the message of an inner call', async () => {
    const fails = () => Promise.reject(systemError('ENOSPC'));
    const nested = explained('open', 'jot.jsonl', () => explained('write', 'jot.jsonl', fails));
    await rejects(
      nested,
      'unavailable',
      "Can't write the data file jot.jsonl: ENOSPC: no space left on device",
    );
  });

  for (const error of [
    new TypeError('x is undefined'),
    new RangeError('too long'),
    new JotError('conflict', 'no'),
  ]) {
    it(`rethrows a ${error.name} unchanged: it has a stack or a sentence of its own`, async () => {
      await assert.rejects(
        explained('read', 'jot.jsonl', () => Promise.reject(error)),
        (thrown) => thrown === error,
      );
    });
  }
});
