import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { contentHash, someTag } from '../../src/http/conditional.ts';

describe('contentHash', () => {
  it('is the start of the SHA-256 of the text in UTF-8, safe inside a tag', () => {
    for (const content of ['', 'a', 'é😀', 'x'.repeat(100_000)]) {
      const whole = createHash('sha256').update(content, 'utf8').digest('base64url');
      assert.equal(contentHash(content), whole.slice(0, 22));
      assert.match(contentHash(content), /^[\w-]{22}$/);
    }
  });

  it('differs for other content', () => {
    const contents = ['', ' ', 'a', 'A', 'a ', 'á', 'a\u0301'];
    assert.equal(new Set(contents.map(contentHash)).size, contents.length);
  });
});

function tagsIn(header: string): string[] {
  const tags: string[] = [];
  someTag(header, (opaque, isWeak) => {
    tags.push(isWeak ? `weak ${opaque}` : opaque);
    return false;
  });
  return tags;
}

describe('someTag', () => {
  for (const [header, tags, why] of [
    ['"a"', ['a'], 'a strong tag'],
    ['W/"a"', ['weak a'], 'a weak tag'],
    ['"a", W/"b","c"', ['a', 'weak b', 'c'], 'a list, with and without spaces'],
    ['"a,b"', ['a,b'], 'a comma inside a tag'],
    ['"a.b"', ['a.b'], 'a point inside a tag'],
    ['""', [''], 'an empty tag is a tag'],
    ['"W/"', ['W/'], 'what is inside does not make it weak'],
    ['"*"', ['*'], 'a star in quotes is a tag'],
    ['"\xe9"', ['\xe9'], 'bytes outside ASCII are allowed'],
    [', ,"a",', ['a'], 'empty elements are skipped'],
    ['', [], 'nothing'],
    ['a', [], 'no quotes'],
    ['"a', [], 'no end'],
    ['"a b"', [], 'a space is not allowed inside'],
    ["'a'", [], 'other quotes'],
  ] as const) {
    it(`finds ${JSON.stringify(tags)} in ${JSON.stringify(header)}: ${why}`, () => {
      assert.deepEqual(tagsIn(header), tags);
    });
  }

  for (const header of ['*', ' * ']) {
    it(`accepts any tag for ${JSON.stringify(header)}`, () => {
      assert.equal(
        someTag(header, () => false),
        true,
      );
    });
  }

  it('returns true if the predicate accepts a tag, and false otherwise', () => {
    const seen: string[] = [];
    const takes = (wanted: string) => (opaque: string) => seen.push(opaque) > 0 && opaque === wanted;
    assert.equal(someTag('"a", "b", "c"', takes('b')), true);
    assert.deepEqual(seen, ['a', 'b']);
    assert.equal(someTag('"a", "b", "c"', takes('d')), false);
    assert.equal(someTag('**', takes('*')), false);
  });
});
