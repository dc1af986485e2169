// The key of usernames against NFKC_Casefold, as Perl's tables of Unicode have it. JavaScript has
// no such function, so the key is made of others.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { usernameKey } from '../../src/store/open.ts';
import { skipWithout } from '../support/process/tools.ts';

// Prints a line for each character that Perl's Unicode has: the character and its mapping, as code
// points. In a range, a mapping to one character counts up; 0 stands for the character itself.
const PRINT_MAPPINGS = `use Unicode::UCD 'prop_invmap';
no warnings;
my ($starts, $maps) = prop_invmap('NFKC_Casefold');
for my $i (0 .. $#$starts) {
  my ($start, $map) = ($starts->[$i], $maps->[$i]);
  for my $code ($start .. ($starts->[$i + 1] // 0x110000) - 1) {
    next if chr($code) =~ /[\\p{Cn}\\p{Cs}\\p{Co}]/;
    my @to = ref $map ? @$map : $map eq '0' ? $code : length $map ? $map + $code - $start : ();
    print "$code @to\\n";
  }
}`;

function mappings(): [character: string, folded: string][] {
  const output = execFileSync('perl', ['-e', PRINT_MAPPINGS], { encoding: 'utf8', maxBuffer: 2 ** 24 });
  return output
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [code = 0, ...to] = line.trimEnd().split(' ').map(Number);
      return [String.fromCodePoint(code), String.fromCodePoint(...to).normalize('NFC')];
    });
}

describe('usernameKey', { skip: skipWithout(['perl', '-e', 'use Unicode::UCD']) }, () => {
  it('returns one key for characters with the same NFKC_Casefold, and for ı and i', () => {
    const foldedBy = new Map<string, string>();
    const shared = new Set<string>();
    const all = mappings();
    assert.ok(all.length > 100_000, `${all.length} characters`);
    for (const [character, folded] of all) {
      const key = usernameKey(folded);
      if (usernameKey(character) !== key) assert.fail(`U+${character.codePointAt(0)?.toString(16)}`);
      const other = foldedBy.get(key) ?? folded;
      foldedBy.set(key, other);
      if (other !== folded) shared.add(`${other} ${folded}`);
    }
    assert.deepEqual([...shared], ['i ı']);
  });
});
