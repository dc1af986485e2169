import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { load } from '../../../src/store/file/load.ts';
import { encodeChange } from '../../../src/store/file/record.ts';
import { type Change, Tables } from '../../../src/store/memory/tables.ts';
import { openStore, type User } from '../../../src/store/open.ts';
import { PowerLossDisk } from '../../support/disk/power-loss-disk.ts';
import { linesWithSnapshot, linesWithUsers, TIME } from '../../support/disk/records.ts';
import { namesIn, userNamed } from '../../support/disk/stores.ts';
import { folderInMemory } from '../../support/disk/temporary-folder.ts';

const PATH = 'jot.jsonl';

/** The names of the users in a file with this content, or why it is refused. */
async function loaded(content: Buffer): Promise<string[] | string> {
  const file = await new PowerLossDisk(new Map([[PATH, content]])).fileSystem.open(PATH, 'read');
  const tables = new Tables();
  try {
    await load(file, PATH, tables);
  } catch (error) {
    return (error as Error).message;
  }
  return [...tables.rows('users')].map((row) => (row as User).username);
}

/** The content with one bit of a line changed, bit after bit, the newline's among them. */
function* flipsOf(lines: readonly string[], line: number): Generator<Buffer> {
  const start = lines.slice(0, line).join('').length;
  const end = start + (lines[line] ?? '').length;
  for (let bit = start * 8; bit < end * 8; bit++) {
    const content = Buffer.from(lines.join(''));
    content[bit >> 3] = (content[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    yield content;
  }
}

describe('openStore of a data file that ends anywhere in its last three changes', () => {
  const names = ['matt', 'elie', 'tim', 'tom'];
  const lines = linesWithUsers(...names);
  const content = Buffer.from(lines.join(''));

  it('keeps the whole changes, sets the rest aside, and accepts writes', async (t) => {
    const folder = folderInMemory(t);
    const path = `${folder}/${PATH}`;
    for (let length = lines.slice(0, 2).join('').length; length < content.length; length++) {
      writeFileSync(path, content.subarray(0, length));
      const whole = content.subarray(0, length).lastIndexOf('\n') + 1;
      const expected = names.slice(
        0,
        lines.filter((_, at) => lines.slice(0, at + 1).join('').length <= whole).length - 1,
      );
      const store = await openStore(`file:${path}`, { now: () => TIME + length });
      assert.deepEqual(await namesIn(store), expected, `${length} bytes`);
      assert.equal((await store.users.create(userNamed('next'))).id, expected.length + 1);
      await store.close();
      const stamp = new Date(TIME + length).toISOString().replaceAll(':', '');
      const aside = readdirSync(folder).filter((name) => name.endsWith(`.torn-${stamp}`));
      const torn = aside.map((name) => readFileSync(`${folder}/${name}`));
      assert.deepEqual(torn, whole === length ? [] : [content.subarray(whole, length)]);
      assert.deepEqual(await loaded(readFileSync(path)), [...expected, 'next']);
    }
  });
});

describe('load of a data file with any one bit changed', () => {
  const names = ['matt', 'elie', 'tim'];
  const lines = linesWithUsers(...names);
  const rows = names.map((username, index): User => ({ id: index + 1, version: 1, ...userNamed(username) }));
  const later: Change = [{ put: 'users', row: { id: 9, version: 1, ...userNamed('tom') } }];
  const compacted = [...linesWithSnapshot(rows), encodeChange({ seq: 42, time: TIME, changes: later })];

  const places: readonly (readonly [what: string, lines: readonly string[], line: number])[] = [
    ['the first line', lines, 0],
    ['a change in the middle', lines, 2],
    ['the first line of a compacted file', compacted, 0],
    ['the first row of a snapshot', compacted, 1],
    ['the last row of a snapshot', compacted, 3],
    ['a change that a compacted file began with', compacted, 4],
  ];
  for (const [what, content, line] of places) {
    it(`rejects damage in ${what} and names the place`, async () => {
      const place = `line ${line + 1}, byte ${content.slice(0, line).join('').length}:`;
      for (const changed of flipsOf(content, line)) {
        const found = await loaded(changed);
        assert.ok(typeof found === 'string' && found.includes(place), String(found));
      }
      assert.ok(Array.isArray(await loaded(Buffer.from(content.join('')))), 'without damage it opens');
    });
  }

  for (const [what, content, before] of [
    ['the last change', lines, ['matt', 'elie']],
    ['the last change of a compacted file', compacted, names],
  ] as const) {
    it(`reports a torn end for damage in ${what}`, async () => {
      for (const changed of flipsOf(content, content.length - 1)) {
        assert.deepEqual(await loaded(changed), before);
      }
      assert.equal((await loaded(Buffer.from(content.join('')))).length, before.length + 1);
    });
  }
});
