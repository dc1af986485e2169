import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { sign, verify } from '../../src/auth/jwt.ts';
import { listKeyFile, openKeyFile, readKeyFile, retireKey, rotateKeyFile } from '../../src/auth/key-file.ts';
import { JotError } from '../../src/lib/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'jot-keys-'));
after(() => rmSync(folder, { recursive: true }));

const now = () => Date.UTC(2026, 10, 23, 12, 35, 13);

// Every text with a secret contains this one, which no message may show.
const SECRET = 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U';
const SHORT = SECRET.slice(0, 42);
const GOOD = { kid: 'k1', secret: SECRET };

let files = 0;

/** Returns a new path for each test, with a file if `text` is given. */
function pathOf(text?: string): string {
  const path = join(folder, `keys-${++files}.json`);
  if (text !== undefined) writeFileSync(path, text);
  return path;
}

function storedKeys(path: string): { kid: string; secret: string; created: string }[] {
  return JSON.parse(readFileSync(path, 'utf8')).keys;
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

describe('openKeyFile', () => {
  it('creates a file with one key of 32 bytes that only its owner can read', async () => {
    const path = pathOf();
    const [key, ...others] = await openKeyFile(path, now);
    assert.equal(others.length, 0);
    assert.equal(modeOf(path), 0o600);
    assert.deepEqual(storedKeys(path), [
      {
        kid: key?.kid,
        secret: Buffer.from(key?.secret ?? '').toString('base64url'),
        created: '2026-11-23T12:35:13.000Z',
      },
    ]);
    assert.equal(key?.secret.length, 32);
  });

  it('leaves no other file in the folder', async () => {
    const path = join(folder, 'alone');
    mkdirSync(path);
    await openKeyFile(join(path, 'keys.json'), now);
    assert.deepEqual(readdirSync(path), ['keys.json']);
  });

  it('returns the same key when it opens the file again, and a different key for another file', async () => {
    const path = pathOf();
    const made = await openKeyFile(path, now);
    const text = readFileSync(path, 'utf8');
    assert.deepEqual(await openKeyFile(path, now), made);
    assert.equal(readFileSync(path, 'utf8'), text);
    assert.notDeepEqual(await openKeyFile(pathOf(), now), made);
  });

  it('returns keys that sign and verify', async () => {
    const path = pathOf();
    const token = sign({ identity: 1 }, (await openKeyFile(path, now))[0] ?? '');
    assert.equal(verify(token, await openKeyFile(path, now), { require: [] }).claims.identity, 1);
    const others = await openKeyFile(pathOf(), now);
    assert.throws(() => verify(token, others, { require: [] }), { name: 'JwtError' });
  });
});

describe('rotateKeyFile', () => {
  it('puts a new key in front and keeps the others', async () => {
    const path = pathOf();
    const [first] = await openKeyFile(path, now);
    const second = await rotateKeyFile(path, now);
    const third = await rotateKeyFile(path, () => now() + 1000);
    const keys = await openKeyFile(path, now);
    assert.deepEqual(
      keys.map(({ kid }) => kid),
      [third, second, first?.kid],
    );
    assert.deepEqual(keys[2], first);
    assert.deepEqual(
      storedKeys(path).map(({ created }) => created),
      ['2026-11-23T12:35:14.000Z', '2026-11-23T12:35:13.000Z', '2026-11-23T12:35:13.000Z'],
    );
    assert.equal(modeOf(path), 0o600);
  });

  it('rejects if there is no file, and creates none', async () => {
    const path = pathOf();
    const message = `Cannot use the key file ${path}: it does not exist; the first start of the server creates it`;
    await assert.rejects(rotateKeyFile(path, now), { name: 'JotError', code: 'unavailable', message });
    assert.throws(() => statSync(path), { code: 'ENOENT' });
  });
});

describe('rotateKeyFile and retireKey', () => {
  it('keep the owner of the file', {
    skip: process.getuid?.() !== 0 && 'only root can show it',
  }, async () => {
    const path = pathOf();
    await openKeyFile(path, now);
    chownSync(path, 4711, 4712);
    await rotateKeyFile(path, now);
    assert.deepEqual([statSync(path).uid, statSync(path).gid, modeOf(path)], [4711, 4712, 0o600]);
  });

  it('keep at most ten keys, and name the commands that make room', async () => {
    const keys = Array.from({ length: 9 }, (_, index) => ({ ...GOOD, kid: `k${index}` }));
    const path = pathOf(JSON.stringify({ keys }));
    await rotateKeyFile(path, now);
    const wayOut = '`jot keys retire` an old one first; `jot keys list` shows when its tokens expire';
    const message = `Cannot use the key file ${path}: it holds 10 of at most 10 keys; ${wayOut}`;
    await assert.rejects(rotateKeyFile(path, now), { name: 'JotError', code: 'unavailable', message });
    await retireKey(path, 'k8');
    await rotateKeyFile(path, now);
    assert.equal((await readKeyFile(path)).length, 10);
  });

  it('retire keys of a file with more than ten, which no server accepts', async () => {
    const keys = Array.from({ length: 11 }, (_, index) => ({ ...GOOD, kid: `k${index}` }));
    const path = pathOf(JSON.stringify({ keys }));
    const message = /it holds 11 keys, and at most 10 are possible; `jot keys retire` an old one first/;
    await assert.rejects(openKeyFile(path, now), { name: 'JotError', code: 'unavailable', message });
    await assert.rejects(readKeyFile(path), { name: 'JotError', code: 'unavailable', message });
    await retireKey(path, 'k10');
    assert.equal((await openKeyFile(path, now)).length, 10);
  });
});

describe('listKeyFile', () => {
  const [FIRST, SECOND, THIRD] = [1, 2, 3].map((day) => Date.UTC(2026, 10, day)) as [number, number, number];

  it('returns when each key was created and replaced, even after its successor was retired, and no secret', async () => {
    const path = pathOf();
    await openKeyFile(path, () => FIRST);
    const second = await rotateKeyFile(path, () => SECOND);
    await rotateKeyFile(path, () => THIRD);
    const timesIn = async () => (await listKeyFile(path)).map(({ created, replaced }) => [created, replaced]);
    assert.deepEqual(await timesIn(), [
      [THIRD, null],
      [SECOND, THIRD],
      [FIRST, SECOND],
    ]);
    await retireKey(path, second);
    assert.deepEqual(await timesIn(), [
      [THIRD, null],
      [FIRST, SECOND],
    ]);
    const text = inspect(await listKeyFile(path), { depth: null });
    for (const { secret, kid } of storedKeys(path)) {
      assert.deepEqual([text.includes(secret), text.includes(kid)], [false, true]);
    }
  });

  it('falls back to the creation time of the next key, and then to null', async () => {
    const keys = [
      { ...GOOD, kid: 'k3', created: '2026-11-03T00:00:00.000Z' },
      { ...GOOD, kid: 'k2', created: 'yesterday' },
      { ...GOOD, kid: 'k1', created: 5, replaced: {} },
    ];
    assert.deepEqual(await listKeyFile(pathOf(JSON.stringify({ keys }))), [
      { kid: 'k3', created: THIRD, replaced: null },
      { kid: 'k2', created: null, replaced: THIRD },
      { kid: 'k1', created: null, replaced: null },
    ]);
  });
});

describe('retireKey', () => {
  const [K2, K1] = [
    { ...GOOD, kid: 'k2' },
    { ...GOOD, kid: 'k1' },
  ];

  it('removes the key, and leaves the others as they are', async () => {
    const path = pathOf(JSON.stringify({ keys: [K2, K1, { ...GOOD, kid: 'k0' }] }));
    await retireKey(path, 'k1');
    assert.deepEqual(storedKeys(path), [K2, { ...GOOD, kid: 'k0' }]);
    assert.equal(modeOf(path), 0o600);
  });

  const rows: readonly [reason: string, keys: object[], kid: string, code: string, message: string][] = [
    ['the key that signs', [K2, K1], 'k2', 'conflict', 'k2 is the key that signs; `jot keys rotate` first'],
    ['the only key', [K1], 'k1', 'conflict', 'k1 is the only key; `jot keys rotate` first'],
    ['a key that is not there', [K2, K1], 'k3', 'not_found', 'There is no key "k3"'],
    ['no key', [K2, K1], '', 'not_found', 'There is no key ""'],
  ];
  for (const [reason, keys, kid, code, message] of rows) {
    it(`rejects ${reason}, and changes nothing`, async () => {
      const text = JSON.stringify({ keys });
      const path = pathOf(text);
      await assert.rejects(retireKey(path, kid), { name: 'JotError', code, message });
      assert.equal(readFileSync(path, 'utf8'), text);
    });
  }
});

describe('readKeyFile', () => {
  it('returns the keys that openKeyFile returns, but creates no file', async () => {
    const path = pathOf();
    const message = `Cannot use the key file ${path}: it does not exist; the first start of the server creates it`;
    await assert.rejects(readKeyFile(path), { name: 'JotError', code: 'unavailable', message });
    assert.throws(() => statSync(path), { code: 'ENOENT' });
    assert.deepEqual(await openKeyFile(path, now), await readKeyFile(path));
  });
});

const NOT_JSON = 'it is not JSON';
const NO_LIST = '"keys" must be a non-empty list';
const BAD_KEY = 'key 1 needs a "kid" of 1 to 64 characters and a "secret" of 32 bytes or more in base64url';

const MALFORMED = [
  { reason: 'is empty', text: '', problem: NOT_JSON },
  { reason: 'is the bare secret', text: SECRET, problem: NOT_JSON },
  { reason: 'is cut off', text: JSON.stringify({ keys: [GOOD] }).slice(0, -2), problem: NOT_JSON },
  {
    reason: 'begins with a byte order mark',
    text: `\ufeff${JSON.stringify({ keys: [GOOD] })}`,
    problem: NOT_JSON,
  },
  { reason: 'is null', text: 'null', problem: NO_LIST },
  { reason: 'is a string', text: JSON.stringify(SECRET), problem: NO_LIST },
  { reason: 'is the bare list', text: JSON.stringify([GOOD]), problem: NO_LIST },
  { reason: 'has no keys', text: '{}', problem: NO_LIST },
  { reason: 'has one key in place of a list', text: JSON.stringify({ keys: GOOD }), problem: NO_LIST },
  { reason: 'has an empty list', text: '{"keys":[]}', problem: NO_LIST },
  { reason: 'has a key that is null', text: '{"keys":[null]}', problem: BAD_KEY },
  { reason: 'has a key that is a string', text: JSON.stringify({ keys: [SECRET] }), problem: BAD_KEY },
  { reason: 'has a key without kid', text: JSON.stringify({ keys: [{ secret: SECRET }] }), problem: BAD_KEY },
  {
    reason: 'has a kid that is a number',
    text: JSON.stringify({ keys: [{ ...GOOD, kid: 1 }] }),
    problem: BAD_KEY,
  },
  { reason: 'has an empty kid', text: JSON.stringify({ keys: [{ ...GOOD, kid: '' }] }), problem: BAD_KEY },
  {
    reason: 'has a kid of 65 characters',
    text: JSON.stringify({ keys: [{ ...GOOD, kid: 'k'.repeat(65) }] }),
    problem: BAD_KEY,
  },
  {
    reason: 'has the same kid twice',
    text: JSON.stringify({ keys: [GOOD, GOOD] }),
    problem: 'two keys have the same "kid"',
  },
  {
    reason: 'is longer than 64 KiB',
    text: JSON.stringify({ keys: [GOOD], padding: 'x'.repeat(64 * 1024) }),
    problem: 'it has more than 65536 bytes',
  },
  { reason: 'has a key without secret', text: '{"keys":[{"kid":"k1"}]}', problem: BAD_KEY },
  {
    reason: 'has a secret that is a list',
    text: JSON.stringify({ keys: [{ ...GOOD, secret: [SECRET] }] }),
    problem: BAD_KEY,
  },
  {
    reason: 'has a secret of 31 bytes',
    text: JSON.stringify({ keys: [{ ...GOOD, secret: SHORT }] }),
    problem: BAD_KEY,
  },
  {
    reason: 'has a secret that is not base64url',
    text: JSON.stringify({ keys: [{ ...GOOD, secret: `${SECRET.slice(0, -1)} pass phrase!` }] }),
    problem: BAD_KEY,
  },
  {
    reason: 'has a second key that is wrong',
    text: JSON.stringify({ keys: [GOOD, {}] }),
    problem: BAD_KEY.replace('1', '2'),
  },
];

/** Returns the message of the error, after checking that no part of the error shows the secret. */
async function messageOf(action: () => Promise<unknown>): Promise<string> {
  let message = '';
  await assert.rejects(action, (error) => {
    assert.equal(error instanceof JotError && error.code, 'unavailable');
    assert.equal(inspect(error, { depth: null, showHidden: true }).includes(SECRET.slice(0, 6)), false);
    message = String(error instanceof Error && error.message);
    return true;
  });
  return message;
}

describe('openKeyFile, readKeyFile, listKeyFile, rotateKeyFile and retireKey reject a file that', () => {
  const uses: readonly ((path: string) => Promise<unknown>)[] = [
    (path) => openKeyFile(path, now),
    (path) => rotateKeyFile(path, now),
    (path) => retireKey(path, 'k1'),
    readKeyFile,
    listKeyFile,
  ];
  for (const { reason, text, problem } of MALFORMED) {
    it(`${reason}, naming it, showing nothing of it, leaving it as it is`, async () => {
      const path = pathOf(text);
      for (const use of uses) {
        assert.equal(await messageOf(() => use(path)), `Cannot use the key file ${path}: ${problem}`);
      }
      assert.equal(readFileSync(path, 'utf8'), text);
    });
  }

  it('can’t be read', async () => {
    for (const use of uses) {
      assert.equal(await messageOf(() => use(folder)), `Cannot use the key file ${folder}: it is not a file`);
    }
  });

  it('is a pipe, without waiting for its other end', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    for (const use of uses) {
      assert.equal(await messageOf(() => use(path)), `Cannot use the key file ${path}: it is not a file`);
    }
  });

  it('can’t be made, its folder missing', async () => {
    const path = join(folder, 'missing', 'keys.json');
    assert.match(
      await messageOf(() => openKeyFile(path, now)),
      /^Cannot use the key file .+keys\.json: ENOENT: /,
    );
  });

  it('has none of these faults: it is accepted', async () => {
    const keys = await openKeyFile(pathOf(JSON.stringify({ keys: [GOOD] })), now);
    assert.deepEqual(keys, [{ kid: 'k1', secret: Buffer.from(SECRET, 'base64url') }]);
  });
});
