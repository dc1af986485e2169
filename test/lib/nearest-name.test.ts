import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nearestName } from '../../src/lib/nearest-name.ts';

const KNOWN = ['check', 'help', 'user create'];

describe('nearestName', () => {
  const rows: readonly [name: string, nearest: string | undefined, reason: string][] = [
    ['check', 'check', 'the same'],
    ['chekc', 'check', 'two neighbours exchanged'],
    ['chcek', 'check', 'two neighbours exchanged in the middle'],
    ['hel', 'help', 'a character dropped at the end'],
    ['elp', 'help', 'a character dropped at the start'],
    ['user crate', 'user create', 'a character dropped in several words'],
    ['checkk', 'check', 'a character added'],
    ['chick', 'check', 'a character replaced'],
    ['chxxk', undefined, 'two characters replaced'],
    ['hcekc', undefined, 'two exchanges'],
    ['ckech', undefined, 'an exchange of characters that are no neighbours'],
    ['he', undefined, 'two characters dropped'],
    ['', undefined, 'nothing'],
    ['x'.repeat(1_000_000), undefined, 'a very long name'],
  ];
  for (const [name, nearest, reason] of rows) {
    it(`returns ${nearest} for ${JSON.stringify(name.slice(0, 20))}: ${reason}`, () => {
      assert.equal(nearestName(name, KNOWN), nearest);
    });
  }
});
