import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { DataFile } from '../../../src/store/file/file-system.ts';
import { realFileSystem } from '../../../src/store/file/file-system.ts';
import { type Loaded, load } from '../../../src/store/file/load.ts';
import { encodeChange } from '../../../src/store/file/record.ts';
import { SCHEMA } from '../../../src/store/lift.ts';
import { type Change, Tables } from '../../../src/store/memory/tables.ts';
import type { User } from '../../../src/store/open.ts';
import {
  linesWith,
  linesWithSnapshot,
  linesWithUsers,
  sealedLine,
  TIME,
} from '../../support/disk/records.ts';
import { postOf, userNamed } from '../../support/disk/stores.ts';
import { type Cleanup, temporaryFolder } from '../../support/disk/temporary-folder.ts';

const BLOCK_BYTES = 1024 * 1024;
const LINE_BYTES_MAX = 128 * BLOCK_BYTES;
const BEGINNING_BYTES = '{"format":"jot"'.length;
const EVERYTHING = { after: 0, limit: Number.MAX_SAFE_INTEGER - 1, order: 'asc' } as const;

/** A data file with this content, closed when the test is over. */
async function fileOf(t: Cleanup, content: string | Uint8Array): Promise<DataFile> {
  const path = join(temporaryFolder(t), 'jot.jsonl');
  writeFileSync(path, content);
  const file = await realFileSystem.open(path, 'write');
  t.after(() => file.close());
  return file;
}

async function loadFrom(t: Cleanup, content: string | Uint8Array): Promise<Loaded & { tables: Tables }> {
  const tables = new Tables();
  return { ...(await load(await fileOf(t, content), 'jot.jsonl', tables)), tables };
}

async function stops(t: Cleanup, content: string, where: string, why: string): Promise<void> {
  await assert.rejects(loadFrom(t, content), {
    name: 'JotError',
    code: 'unavailable',
    message: `The data file jot.jsonl is damaged at ${where}: ${why}`,
  });
}

describe('load', () => {
  it('applies every change in order and returns the last number and the length', async (t) => {
    const row: User = { id: 1, version: 1, ...userNamed('matt') };
    const renamed: User = { ...row, version: 2, username: 'elie' };
    const tim: User = { ...row, id: 5, username: 'tim' };
    const post = { id: 1, version: 1, ...postOf(1) };
    const lines = linesWith(
      [
        { put: 'users', row },
        { put: 'posts', row: post },
      ],
      [{ put: 'users', row: renamed }],
      [
        { put: 'posts', row: { ...post, id: 2 } },
        { remove: 'posts', id: 1 },
      ],
      [{ remove: 'posts', id: 9 }],
      [
        { put: 'users', row: tim },
        { removeOwned: 'posts', owner: 5 },
      ],
    );
    const content = lines.join('');
    const { seq, goodBytes, tables } = await loadFrom(t, content);
    assert.deepEqual({ seq, goodBytes }, { seq: 5, goodBytes: Buffer.byteLength(content) });
    assert.equal(tables.findId('users', 'username', 'ELIE'), 1);
    assert.equal(tables.findId('users', 'username', 'MATT'), undefined);
    assert.deepEqual([...tables.ownedIds('posts', 1)], [2]);
    assert.deepEqual(
      [...tables.list('users', EVERYTHING).rows].map(({ id }) => id),
      [1, 5],
    );
    assert.equal(tables.nextId('users'), 6);
  });

  it('reads the next ids and the number of the last change from the header', async (t) => {
    const header = sealedLine({ format: 'jot', version: 1, seq: 40, next: { users: 9 } });
    const { seq, tables } = await loadFrom(t, header + sealedLine({ seq: 41, time: TIME, changes: [] }));
    assert.equal(seq, 41);
    assert.deepEqual([tables.nextId('users'), tables.nextId('posts')], [9, 1]);
  });

  it('accepts an empty file', async (t) => {
    const { seq, goodBytes } = await loadFrom(t, '');
    assert.deepEqual({ seq, goodBytes }, { seq: 0, goodBytes: 0 });
  });

  it('reads lines longer than a block, with characters across the border', async (t) => {
    const names = ['é'.repeat(BLOCK_BYTES), '😀'.repeat(BLOCK_BYTES / 2), 'x', 'y'.repeat(2 * BLOCK_BYTES)];
    const { seq, tables } = await loadFrom(t, linesWithUsers(...names).join(''));
    assert.equal(seq, 4);
    const rows = [...tables.list('users', EVERYTHING).rows] as { username?: string }[];
    assert.equal(
      rows.every(({ username }, index) => username === names[index]),
      true,
    );
  });

  for (const offset of [-1, 0, 1]) {
    it(`reads on if a line ends ${offset} bytes from the end of a block`, async (t) => {
      const [header = '', empty = ''] = linesWithUsers('');
      const length = BLOCK_BYTES + offset - header.length - empty.length;
      const lines = linesWithUsers('x'.repeat(length), 'matt');
      assert.equal(lines.slice(0, 2).join('').length, BLOCK_BYTES + offset);
      const { seq, goodBytes } = await loadFrom(t, lines.join(''));
      assert.deepEqual({ seq, goodBytes }, { seq: 2, goodBytes: lines.join('').length });
    });
  }
});

describe('load of a torn end', () => {
  const lines = linesWithUsers('matt', 'elie', 'tim');
  const content = Buffer.from(lines.join(''));
  const goodBytes = lines.slice(0, 3).join('').length;

  it('omits a last line that is cut off at any byte', async (t) => {
    for (let length = goodBytes; length < content.length; length++) {
      const loaded = await loadFrom(t, content.subarray(0, length));
      assert.deepEqual([loaded.seq, loaded.goodBytes], [2, goodBytes], `${length} bytes`);
      assert.equal(loaded.tables.count('users'), 2);
    }
    assert.equal((await loadFrom(t, content)).seq, 3);
  });

  it('omits a last line with bytes that never reached the disk', async (t) => {
    const torn = Buffer.from(content).fill(0, goodBytes + 20, goodBytes + 60);
    assert.deepEqual((await loadFrom(t, torn)).goodBytes, goodBytes);
    assert.deepEqual(
      (await loadFrom(t, Buffer.concat([content, Buffer.alloc(512)]))).goodBytes,
      content.length,
    );
  });

  it('omits the end of a file that is shorter than its size', async (t) => {
    const file = await fileOf(t, content.subarray(0, goodBytes + 20));
    const shrunk = { ...file, size: async () => content.length };
    assert.equal((await load(shrunk, 'jot.jsonl', new Tables())).goodBytes, goodBytes);
  });
});

describe('load of a damaged file', () => {
  const lines = linesWithUsers('matt', 'elie', 'tim');
  const [header = '', first = '', second = '', third = ''] = lines;
  const afterFirst = header.length + first.length;

  it('stops at damage before the end, naming line and byte', async (t) => {
    const damaged = second.replace('elie', 'Elie');
    await stops(
      t,
      header + first + damaged + third,
      `line 3, byte ${afterFirst}`,
      'its checksum does not match',
    );
    await stops(t, header + damaged + third, `line 2, byte ${header.length}`, 'its checksum does not match');
  });

  it('counts bytes, not characters', async (t) => {
    const [, name = ''] = linesWithUsers('zoé 😀');
    const byte = header.length + Buffer.byteLength(name);
    assert.ok(byte > header.length + name.length);
    await stops(t, `${header}${name}x\n${third}`, `line 3, byte ${byte}`, 'its checksum does not match');
  });

  it('stops at a line that is missing, duplicate or empty', async (t) => {
    const where = `line 3, byte ${afterFirst}`;
    await stops(t, header + first + third + third, where, 'it is change 3 where 2 should be');
    await stops(t, header + first + first + third, where, 'it is change 1 where 2 should be');
    await stops(t, `${header}${first}\n${second}${third}`, where, 'its checksum does not match');
  });

  const newer: readonly (readonly [what: string, change: object, what: string])[] = [
    ['a collection', { changes: [{ remove: 'ghosts', id: 1 }] }, 'it has "ghosts", a collection'],
    [
      'a field',
      { changes: [{ put: 'users', row: { id: 2, version: 1, ...userNamed('elie'), horoscope: '' } }] },
      'it has "horoscope" of users, a field',
    ],
  ];
  for (const [what, change, has] of newer) {
    it(`stops at ${what} unknown to this Jot, and reports a newer file`, async (t) => {
      const line = sealedLine({ seq: 2, time: TIME, ...change });
      for (const content of [header + first + line + third, header + first + line]) {
        await assert.rejects(loadFrom(t, content), {
          code: 'unavailable',
          message:
            `The data file jot.jsonl was written by a newer Jot: ${has} unknown to this Jot; ` +
            `its schema is number ${SCHEMA}, and this Jot's is ${SCHEMA} (line 3, byte ${afterFirst})`,
        });
      }
    });
  }

  it('stops at damage before a change of a newer Jot', async (t) => {
    const line = sealedLine({ seq: 3, schema: SCHEMA + 1, time: TIME, changes: [] });
    const where = `line 3, byte ${afterFirst}`;
    await stops(
      t,
      header + first + second.replace('elie', 'Elie') + line,
      where,
      'its checksum does not match',
    );
  });

  it('stops at a row of the wrong shape', async (t) => {
    const { username: _, ...rest } = { id: 2, version: 1, ...userNamed('elie') };
    const line = sealedLine({ seq: 2, time: TIME, changes: [{ put: 'users', row: rest }] });
    const why = 'row 2 of users is not valid: "username" must be a text';
    await stops(t, header + first + line + third, `line 3, byte ${afterFirst}`, why);
  });

  it('stops at a first line that is damaged, cut off or missing, even if it is the only one', async (t) => {
    await stops(t, header.replace('"seq":0', '"seq":1'), 'line 1, byte 0', 'its checksum does not match');
    await stops(t, header.slice(0, -1), 'line 1, byte 0', 'it is not finished');
  });

  it('stops at a file with another beginning, and names the expected one', async (t) => {
    const message =
      'jot.jsonl is not a Jot data file, or damaged at line 1, byte 0: it does not begin with {"format":"jot"';
    for (const content of [header.replace('jot', 'jat'), first + second, '[]', '{\n  "name": "jot"\n}\n']) {
      await assert.rejects(loadFrom(t, content), { code: 'unavailable', message });
    }
  });

  it('stops at a last line that is finished but wrong: no crash explains it', async (t) => {
    const strange = sealedLine({ seq: 2, time: TIME, changes: [{ put: 'users', row: {} }] });
    const where = `line 3, byte ${Buffer.byteLength(header + first)}`;
    await stops(t, header + first + strange, where, 'it puts a row that has no id');
    const gap = sealedLine({ seq: 3, time: TIME, changes: [] });
    await stops(t, header + first + gap, where, 'it is change 3 where 2 should be');
    await loadFrom(t, header + first + second);
  });

  it('reports damage within the last batch as torn: its writes were not acknowledged', async (t) => {
    const batch = (first: number) =>
      [2, 3, 4].map((seq) =>
        sealedLine({ seq, ...(seq === first ? {} : { first }), time: TIME, changes: [] }),
      );
    const [two = '', three = '', four = ''] = batch(2);
    const zeroed = '\0'.repeat(three.length);
    const { seq, goodBytes } = await loadFrom(t, header + first + two + zeroed + four);
    assert.deepEqual([seq, goodBytes], [2, Buffer.byteLength(header + first + two)]);
    const noneLeft = await loadFrom(t, header + first + zeroed + zeroed.slice(0, 9));
    assert.deepEqual([noneLeft.seq, noneLeft.goodBytes], [1, Buffer.byteLength(header + first)]);
  });

  it('stops at damage before a change of a later batch', async (t) => {
    const [two = '', three = ''] = [2, 3].map((seq) => sealedLine({ seq, time: TIME, changes: [] }));
    const where = `line 3, byte ${Buffer.byteLength(header + first)}`;
    await stops(t, header + first + two.replace('2', '9') + three, where, 'its checksum does not match');
    const later = sealedLine({ seq: 4, first: 3, time: TIME, changes: [] });
    await stops(t, header + first + two.replace('2', '9') + later, where, 'its checksum does not match');
    await loadFrom(t, header + first + two + three);
  });

  it('stops at a damaged newline between two batches', async (t) => {
    const [two = '', three = ''] = [2, 3].map((seq) => sealedLine({ seq, time: TIME, changes: [] }));
    const where = `line 3, byte ${Buffer.byteLength(header + first)}`;
    await stops(t, `${header}${first}${two.slice(0, -1)}\v${three}`, where, 'its checksum does not match');
    const together = sealedLine({ seq: 3, first: 2, time: TIME, changes: [] });
    assert.equal((await loadFrom(t, `${header}${first}${two.slice(0, -1)}\0${together}`)).seq, 1);
  });

  it('stops at a line that is too long, also at the end: no crash explains it', async (t) => {
    const file = await fileOf(t, header + first);
    file.truncate(afterFirst + LINE_BYTES_MAX + 1);
    await assert.rejects(load(file, 'jot.jsonl', new Tables()), {
      code: 'unavailable',
      message: `The data file jot.jsonl is damaged at line 3, byte ${afterFirst}: it is longer than any line`,
    });
    file.truncate(afterFirst + LINE_BYTES_MAX);
    assert.equal((await load(file, 'jot.jsonl', new Tables())).goodBytes, afterFirst);
  });

  it('reads only the beginning of a file in another format', async (t) => {
    for (const [content, bytesMax] of [
      ['Dear diary,', BEGINNING_BYTES],
      [header.replace('"jot"', '"jet"'), BEGINNING_BYTES],
      [header.replace('"seq":0', '"seq":1'), Number.POSITIVE_INFINITY],
    ] as const) {
      const file = await fileOf(t, content);
      file.truncate(8 * BLOCK_BYTES);
      let bytes = 0;
      const read: DataFile['read'] = async (buffer, position) => {
        const length = await file.read(buffer, position);
        bytes += length;
        return length;
      };
      await assert.rejects(load({ ...file, read }, 'jot.jsonl', new Tables()), { code: 'unavailable' });
      assert.equal(bytes <= BEGINNING_BYTES, bytesMax === BEGINNING_BYTES, `${bytes} of ${content}`);
    }
  });

  it('rethrows an error that is not damage, as of a failing read', async (t) => {
    const file = await fileOf(t, header + first);
    const failing = { ...file, read: async () => Promise.reject(new Error('EIO')) };
    await assert.rejects(load(failing, 'jot.jsonl', new Tables()), { name: 'Error', message: 'EIO' });
  });
});

describe('load of a compacted file', () => {
  const rows = ['matt', 'elie', 'tim'].map((username, index): User => {
    return { id: index + 1, version: 1, ...userNamed(username) };
  });
  const lines = linesWithSnapshot(rows);
  const [header = '', first = '', second = '', third = '', change = ''] = lines;
  const at = (count: number) => `line ${count + 1}, byte ${lines.slice(0, count).join('').length}`;

  it('reads the rows of the snapshot, the changes after it, and the next ids', async (t) => {
    const { seq, goodBytes, tables } = await loadFrom(t, lines.join(''));
    assert.deepEqual({ seq, goodBytes }, { seq: 41, goodBytes: lines.join('').length });
    assert.deepEqual([...tables.rows('users')], rows);
    assert.equal(tables.nextId('users'), 9);
  });

  it('applies changes to rows that the snapshot contains in a later version', async (t) => {
    const [matt, elie, tim] = rows as [User, User, User];
    // While the snapshot was taken, matt's name was freed, elie took it, and tim went.
    const renamed: User = { ...matt, username: 'matthew', version: 2 };
    const taken: User = { ...elie, username: 'matt', version: 2 };
    const snapshot = linesWithSnapshot([matt, taken, tim], 40, 44);
    const changes: Change[] = [
      [{ put: 'users', row: renamed }],
      [{ put: 'users', row: taken }],
      [{ remove: 'users', id: 3 }],
    ];
    const later = changes.map((each, index) => encodeChange({ seq: 42 + index, time: TIME, changes: each }));
    const { seq, tables } = await loadFrom(t, [...snapshot, ...later].join(''));
    assert.equal(seq, 44);
    assert.deepEqual([...tables.rows('users')], [renamed, taken]);
    assert.equal(tables.findId('users', 'username', 'MATT'), 2);
    assert.equal(tables.findId('users', 'username', 'MATTHEW'), 1);
    assert.equal(tables.findId('users', 'username', 'TIM'), undefined);
  });

  it('stops at a line of the snapshot that is missing, duplicate or out of place', async (t) => {
    const missing = header + first + third + change;
    await stops(t, missing, at(2), 'it is line 3 of the snapshot where 2 should be');
    const twice = header + first + first + second + third + change;
    await stops(t, twice, at(2), 'it is line 1 of the snapshot where 2 should be');
    await stops(t, header + first + second + change, at(3), 'it is not a line of the snapshot');
    await stops(t, header + change, at(1), 'it is not a line of the snapshot');
  });

  it('stops wherever the snapshot is cut off: it was whole when the file was published', async (t) => {
    const content = lines.join('');
    const end = lines.slice(0, 4).join('').length;
    for (let length = header.length; length < end; length += 7) {
      const line = lines.findIndex((_, index) => lines.slice(0, index + 1).join('').length > length);
      const isBetween = lines.slice(0, line).join('').length === length;
      const why = isBetween ? 'it ends too early' : 'it is not finished';
      await stops(t, content.slice(0, length), at(line), why);
    }
    await loadFrom(t, content);
  });

  it('stops at torn or missing changes that were in the file when it was published', async (t) => {
    const content = lines.join('');
    await stops(t, content.slice(0, -change.length), at(4), 'it ends too early');
    await stops(t, content.slice(0, -1), at(4), 'it is not finished');
    const later = encodeChange({ seq: 42, time: TIME, changes: [] });
    const { seq, goodBytes } = await loadFrom(t, content + later.slice(0, -1));
    assert.deepEqual([seq, goodBytes], [41, content.length]);
  });

  it('stops at a snapshot with any one bit changed', async (t) => {
    const content = Buffer.from(lines.join(''));
    const start = header.length + first.length;
    for (let bit = 0; bit < second.length * 8; bit += 5) {
      const changed = Buffer.from(content);
      changed[start + (bit >> 3)] = (content[start + (bit >> 3)] ?? 0) ^ (1 << (bit & 7));
      await assert.rejects(loadFrom(t, changed), { code: 'unavailable' }, `bit ${bit}`);
    }
  });
});
