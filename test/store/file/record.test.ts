import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type ChangeRecord,
  decodeChange,
  decodeHeader,
  decodeSnapshotRow,
  encodeChange,
  encodeHeader,
  encodeSnapshotRow,
  HEADER_BYTES,
  liftChange,
} from '../../../src/store/file/record.ts';
import { SCHEMA } from '../../../src/store/lift.ts';
import { crc32Of, sealedLine, TIME } from '../../support/disk/records.ts';
import { postOf } from '../../support/disk/stores.ts';

const HEADER = { seq: 0, next: { users: 1, posts: 1, sessions: 1 } };
const RECORD: ChangeRecord = {
  seq: 7,
  time: TIME,
  changes: [
    { put: 'posts', row: { id: 3, version: 1, ...postOf(1, 'Zoë 😀 \u2028 "quoted" \\ \n') } },
    { remove: 'posts', id: 4 },
    { removeOwned: 'sessions', owner: 1 },
  ],
};
const UNKNOWN = `it has "ghosts", a collection unknown to this Jot; its schema is number 0, and this Jot's is ${SCHEMA}`;
const MISMATCH = { name: 'TornError', message: 'its checksum does not match' };

/** The line's bytes as a reader of the file has them: without the newline. */
function bytesOf(line: string): Buffer {
  return Buffer.from(line.slice(0, -1));
}

describe('encodeHeader and encodeChange', () => {
  it('the checksum that the tests make is the CRC-32 of the standard', () => {
    assert.equal(crc32Of(Buffer.from('123456789')), 'cbf43926');
  });

  it('write one line of JSON each, which ends with the checksum of the text before it', () => {
    for (const line of [encodeHeader(HEADER), encodeChange(RECORD)]) {
      assert.match(line, /^[^\n]*,"crc":"[0-9a-f]{8}"\}\n$/);
      const body = line.slice(0, line.lastIndexOf(',"crc":'));
      assert.equal(JSON.parse(line).crc, crc32Of(Buffer.from(body)));
    }
  });

  it('write the lines of the format description', () => {
    const header = encodeHeader({ seq: 40, snapshot: 2, through: 43, next: { users: 3 } });
    const expected = `{"format":"jot","version":3,"schema":${SCHEMA},"seq":40,"snapshot":2,"through":43,"next":{"users":3}`;
    assert.match(header.slice(expected.length), /^ +,"crc":"[0-9a-f]{8}"\}\n$/);
    assert.equal(header.slice(0, expected.length), expected);

    const row = { id: 3, version: 1 };
    const snapshot = `{"snapshot":7,"changes":[{"put":"users","row":${JSON.stringify(row)}}],"crc":"`;
    assert.equal(encodeSnapshotRow(7, 'users', row).slice(0, -'89abcdef"}\n'.length), snapshot);

    const change = encodeChange({ seq: 1, time: TIME, changes: [{ remove: 'posts', id: 4 }] });
    const changed = `{"seq":1,"time":${TIME},"changes":[{"remove":"posts","id":4}],"crc":"`;
    assert.equal(change.slice(0, -'89abcdef"}\n'.length), changed);
  });

  it('write a header of constant length, whatever its numbers', () => {
    const most = Number.MAX_SAFE_INTEGER;
    const next = { users: most, posts: most, sessions: most };
    for (const header of [HEADER, { seq: most, snapshot: most, through: most, next }]) {
      assert.equal(encodeHeader(header).length, HEADER_BYTES);
    }
  });

  it('write a checksum of eight digits, even if it begins with zeros', () => {
    const lines = Array.from({ length: 200 }, (_, seq) => encodeChange({ ...RECORD, seq }));
    const small = lines.filter((line) => line.includes('"crc":"0'));
    assert.ok(small.length > 0);
    for (const line of small) decodeChange(bytesOf(line), JSON.parse(line).seq);
  });
});

describe('decodeHeader', () => {
  it('returns the encoded header', () => {
    assert.deepEqual(decodeHeader(bytesOf(encodeHeader(HEADER))), {
      ...HEADER,
      schema: SCHEMA,
      snapshot: 0,
      through: 0,
    });
    const later = { seq: 12, snapshot: 4, through: 14, next: { users: 5 } };
    assert.deepEqual(decodeHeader(bytesOf(encodeHeader(later))), { schema: SCHEMA, ...later });
  });

  it('accepts a next id one above the last id, as a store without free ids writes it', () => {
    const next = { users: 2 ** 53, posts: 1 };
    assert.deepEqual(decodeHeader(bytesOf(encodeHeader({ seq: 0, next }))).next, next);
  });

  it('reads the versions before schemas, and before snapshots', () => {
    for (const version of [1, 2]) {
      const line = sealedLine({ format: 'jot', version, seq: 12, next: { users: 5 } });
      const header = { schema: 0, seq: 12, snapshot: 0, through: 12, next: { users: 5 } };
      assert.deepEqual(decodeHeader(bytesOf(line)), header);
    }
  });

  it('reports a newer file only if the checksum is right', () => {
    const content = { format: 'jot', version: 4, seq: 0, next: {} };
    const damaged = sealedLine({ ...content, version: 2 }).replace('2', '4');
    for (const [line, isCertain] of [
      [sealedLine(content), true],
      [damaged, false],
      [sealedLine({ ...content, version: 'x' }), false],
    ] as const) {
      assert.throws(() => decodeHeader(bytesOf(line)), { name: 'NewerError', isCertain });
    }
  });

  it('rejects a lost version as damage, since every version has a number', () => {
    for (const version of ['"vers1on":3', '"version":0', '"version":"x"']) {
      const line = sealedLine({ format: 'jot', version: 3, seq: 0, next: {} });
      const damaged = bytesOf(line.replace('"version":3', version));
      assert.throws(() => decodeHeader(damaged), { name: 'DamageError', message: /^its format is version / });
    }
  });

  it('rejects a schema above its own as newer, naming both numbers', () => {
    const line = sealedLine({ format: 'jot', version: 3, schema: SCHEMA + 1, seq: 0, next: {} });
    const message = `its schema is number ${SCHEMA + 1}, and this Jot's is ${SCHEMA}`;
    assert.throws(() => decodeHeader(bytesOf(line)), { name: 'NewerError', isCertain: true, message });
    decodeHeader(bytesOf(sealedLine({ format: 'jot', version: 3, schema: SCHEMA, seq: 0, next: {} })));
  });

  const refused: readonly (readonly [content: object, message: string, why: string])[] = [
    [{ format: 'tin', version: 1, seq: 0, next: {} }, 'it is not a Jot data file', 'another format'],
    [{ seq: 1, time: TIME, changes: [] }, 'it is not a Jot data file', 'a change is no header'],
    [
      { format: 'jot', version: 4, seq: 0, next: {} },
      'its format is version 4, and this Jot reads versions 1 to 3',
      'a newer version may mean something else by the same words',
    ],
    [
      { format: 'jot', seq: 0, next: {} },
      'its format is version undefined, and this Jot reads versions 1 to 3',
      'no version',
    ],
    [{ format: 'jot', version: 2, seq: 0, next: 7 }, 'it holds no next ids', 'ids could be given out twice'],
    [{ format: 'jot', version: 2, seq: 0, next: [] }, 'it holds no next ids', 'a list holds none either'],
    ...['0', null, -1, 0.5, 2 ** 53].flatMap((value) =>
      (['seq', 'snapshot', 'through'] as const).map(
        (name) =>
          [
            { format: 'jot', version: 2, seq: 0, snapshot: 0, through: 0, next: {}, [name]: value },
            `its "${name}" must be an integer from 0, not ${JSON.stringify(value)}`,
            'nobody counts like that',
          ] as const,
      ),
    ),
    ...['9', null, 0, -1, 0.5, 2 ** 53 + 2].map(
      (users) =>
        [
          { format: 'jot', version: 2, seq: 0, next: { users } },
          `its next id of users must be a positive integer, not ${JSON.stringify(users)}`,
          'no id would be unique any more',
        ] as const,
    ),
    [
      { format: 'jot', version: 1, seq: 0, next: { users: 1, ghosts: 1 } },
      UNKNOWN,
      'what is in it would be lost',
    ],
  ];
  for (const [content, message, why] of refused) {
    it(`rejects ${JSON.stringify(content)}: ${why}`, () => {
      const name = /version|Jot's/.test(message) ? 'NewerError' : 'DamageError';
      assert.throws(() => decodeHeader(bytesOf(sealedLine(content))), { name, message });
    });
  }

  for (const line of ['', '{}', 'null', 'Dear diary,', '{"format":"tin"}']) {
    it(`rejects the line ${JSON.stringify(line)}, which another program wrote`, () => {
      const message = 'it is not a Jot data file';
      assert.throws(() => decodeHeader(Buffer.from(line)), { name: 'DamageError', message });
    });
  }

  it('rejects a line without a checksum', () => {
    const line = '{"format":"jot","version":1,"seq":0,"next":{}}';
    assert.throws(() => decodeHeader(Buffer.from(line)), MISMATCH);
  });
});

describe('decodeSnapshotRow', () => {
  const row = { id: 3, version: 1, ...postOf(1, 'Zoë') };
  const line = bytesOf(encodeSnapshotRow(7, 'posts', row));

  it('returns the encoded row', () => {
    const written = { number: 7, schema: null, effects: [{ put: 'posts', row }] };
    assert.deepEqual(decodeSnapshotRow(line, 7), written);
    assert.deepEqual(decodeSnapshotRow(line), written);
  });

  it('rejects another line of the snapshot, and a line that is no row', () => {
    const another = { name: 'DamageError', message: 'it is line 7 of the snapshot where 8 should be' };
    assert.throws(() => decodeSnapshotRow(line, 8), another);
    const none = { name: 'DamageError', message: 'it is not a line of the snapshot' };
    assert.throws(() => decodeSnapshotRow(bytesOf(encodeChange(RECORD)), 7), none);
  });

  for (const number of ['7', null, 0, 0.5]) {
    it(`rejects the number ${JSON.stringify(number)}, even if any number is allowed`, () => {
      const message = `its "snapshot" must be an integer from 1, not ${JSON.stringify(number)}`;
      const wrong = bytesOf(sealedLine({ snapshot: number, changes: [{ put: 'posts', row }] }));
      assert.throws(() => decodeSnapshotRow(wrong), { name: 'DamageError', message });
    });
  }
});

describe('decodeChange', () => {
  it('returns the encoded change', () => {
    const { seq, time, effects } = decodeChange(bytesOf(encodeChange(RECORD)), 7);
    assert.deepEqual({ seq, time, changes: effects }, RECORD);
  });

  it('reads a line made from the format description alone', () => {
    assert.deepEqual(decodeChange(bytesOf(sealedLine(RECORD)), 7).effects, RECORD.changes);
  });

  const numbers: readonly (readonly [change: object, message: string])[] = [
    [{ seq: undefined }, 'it is not a change'],
    ...['7', null, 0, -1, 0.5, 2 ** 53].map(
      (seq) => [{ seq }, `its "seq" must be an integer from 1, not ${JSON.stringify(seq)}`] as const,
    ),
    ...['7', 0, 0.5].map(
      (first) => [{ first }, `its "first" must be an integer from 1, not ${JSON.stringify(first)}`] as const,
    ),
    [{ first: 8 }, 'its "first" is 8, which comes behind change 7'],
    [{ time: undefined }, 'its "time" must be a number, not undefined'],
    [{ time: 'noon' }, 'its "time" must be a number, not "noon"'],
  ];
  for (const [change, message] of numbers) {
    it(`rejects ${JSON.stringify(change)} with a right checksum, whatever the expected number: ${message}`, () => {
      const line = bytesOf(sealedLine({ ...RECORD, ...change }));
      assert.throws(() => decodeChange(line), { name: 'DamageError', message });
    });
  }

  it('accepts any first change up to its own', () => {
    for (const first of [1, 7])
      assert.equal(decodeChange(bytesOf(sealedLine({ ...RECORD, first }))).first, first);
  });

  const misshapen: readonly (readonly [changes: unknown, message: string])[] = [
    [undefined, 'it holds no list of changes'],
    [{ put: 'posts' }, 'it holds no list of changes'],
    [[null], 'it does not name a collection'],
    [[{ put: 7, row: { id: 1 } }], 'it does not name a collection'],
    [[{ put: 'posts' }], 'it puts a row that has no id'],
    [[{ put: 'posts', row: { id: '3' } }], 'it puts a row that has no id'],
  ];
  for (const [changes, message] of misshapen) {
    it(`rejects the list of changes ${JSON.stringify(changes)}`, () => {
      const line = bytesOf(sealedLine({ ...RECORD, changes }));
      assert.throws(() => decodeChange(line, 7), { name: 'DamageError', message });
    });
  }

  it('rejects a line that is not JSON, even if its checksum is right', () => {
    const body = '{"seq":7,"changes":[}';
    const line = Buffer.from(`${body},"crc":"${crc32Of(Buffer.from(body))}"}`);
    assert.throws(() => decodeChange(line, 7), { name: 'DamageError', message: 'it is not JSON' });
  });

  for (const seq of [6, 8]) {
    it(`rejects change 7 in place of change ${seq}`, () => {
      const message = `it is change 7 where ${seq} should be`;
      assert.throws(() => decodeChange(bytesOf(encodeChange(RECORD)), seq), { name: 'DamageError', message });
    });
  }

  const unknown: readonly object[] = [
    { put: 'ghosts', row: { id: 1 } },
    { remove: 'ghosts', id: 1 },
    { removeOwned: 'ghosts', owner: 1 },
  ];
  for (const effect of unknown) {
    it(`leaves liftChange to reject ${JSON.stringify(effect)} for its unknown collection`, () => {
      const line = sealedLine({ ...RECORD, changes: [effect] });
      const change = decodeChange(bytesOf(line), 7);
      assert.throws(() => liftChange(change, 0), { name: 'NewerError', message: UNKNOWN });
    });
  }

  it('rejects a line with any one bit changed', () => {
    const line = bytesOf(encodeChange(RECORD));
    for (let bit = 0; bit < line.length * 8; bit++) {
      const changed = Buffer.from(line);
      changed[bit >> 3] = (line[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(() => decodeChange(changed, 7), MISMATCH, `bit ${bit}`);
    }
    decodeChange(line, 7);
  });

  it('rejects a line that is cut off anywhere', () => {
    const line = bytesOf(encodeChange(RECORD));
    for (let length = 0; length < line.length; length++) {
      assert.throws(() => decodeChange(line.subarray(0, length), 7), MISMATCH, `${length} bytes`);
    }
  });

  it('rejects a line with text before or after it', () => {
    const line = encodeChange(RECORD).slice(0, -1);
    for (const longer of [` ${line}`, `${line} `, `${line}\r\r`, `\ufeff${line}`]) {
      assert.throws(() => decodeChange(Buffer.from(longer), 7), MISMATCH);
    }
    const convertedLine = Buffer.from(`${line}\r`);
    assert.throws(() => decodeChange(convertedLine, 7), {
      name: 'DamageError',
      message: /^it ends with CR LF/,
    });
  });
});
