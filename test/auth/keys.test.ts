import assert from 'node:assert/strict';
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
import {
  keysFromSecrets,
  listKeyFile,
  openKeyFile,
  randomKey,
  readKeyFile,
  retireKey,
  rotateKeyFile,
} from '../../src/auth/keys.ts';
import { JotError } from '../../src/lib/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'jot-keys-'));
after(() => rmSync(folder, { recursive: true }));

const now = () => Date.UTC(2026, 10, 23, 12, 35, 13);

// Every text that holds a secret holds this one, which no message may show.
const SECRET = 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U';
const SHORT = SECRET.slice(0, 42);
const GOOD = { kid: 'k1', secret: SECRET };

let files = 0;

/** A path of its own for every test, with a file there if there is text for it. */
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

describe('keysFromSecrets', () => {
  it('keeps the order and the secrets', () => {
    const secrets = keysFromSecrets(['new', 'old']).map(({ secret }) => secret);
    assert.deepEqual(secrets, ['new', 'old']);
    assert.deepEqual(keysFromSecrets([]), []);
  });

  it('gives a secret the same id every time, wherever it stands', () => {
    const [first, second] = keysFromSecrets(['new', 'old']);
    assert.deepEqual(keysFromSecrets(['old', 'new']), [second, first]);
  });

  it('gives different secrets different ids, which do not show them', () => {
    const secrets = ['a', 'b', 'A', 'a ', 'secret', 'secret1', 'x'.repeat(64), 'x'.repeat(65)];
    const kids = keysFromSecrets(secrets).map(({ kid }) => kid);
    assert.equal(new Set(kids).size, secrets.length);
    for (const kid of kids) assert.match(kid, /^[\w-]{8}$/);
  });
});

describe('randomKey', () => {
  it('gives 32 bytes and an id, both new each time', () => {
    const [one, other] = [randomKey(), randomKey()];
    assert.equal(one.secret.length, 32);
    assert.match(one.kid, /^[\w-]{8}$/);
    assert.notEqual(one.kid, other.kid);
    assert.notDeepEqual(one.secret, other.secret);
  });
});

describe('openKeyFile', () => {
  it('makes a file of one key of 32 bytes that only its owner can read', () => {
    const path = pathOf();
    const [key, ...others] = openKeyFile(path, now);
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

  it('leaves nothing else beside the file', () => {
    const path = join(folder, 'alone');
    mkdirSync(path);
    openKeyFile(join(path, 'keys.json'), now);
    assert.deepEqual(readdirSync(path), ['keys.json']);
  });

  it('gives the same key when it opens the file again, and another for another file', () => {
    const path = pathOf();
    const made = openKeyFile(path, now);
    const text = readFileSync(path, 'utf8');
    assert.deepEqual(openKeyFile(path, now), made);
    assert.equal(readFileSync(path, 'utf8'), text);
    assert.notDeepEqual(openKeyFile(pathOf(), now), made);
  });

  it('gives keys that sign and verify', () => {
    const path = pathOf();
    const token = sign({ identity: 1 }, openKeyFile(path, now)[0] ?? '');
    assert.equal(verify(token, openKeyFile(path, now), { require: [] }).claims.identity, 1);
    assert.throws(() => verify(token, openKeyFile(pathOf(), now), { require: [] }), { name: 'JwtError' });
  });
});

describe('rotateKeyFile', () => {
  it('puts a new key in front and keeps the others', () => {
    const path = pathOf();
    const [first] = openKeyFile(path, now);
    const second = rotateKeyFile(path, now);
    const third = rotateKeyFile(path, () => now() + 1000);
    const keys = openKeyFile(path, now);
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

  it('refuses where there is no file, and makes none', () => {
    const path = pathOf();
    const message = `Can't use the key file ${path}: there is none yet; the first start of the server makes it`;
    assert.throws(() => rotateKeyFile(path, now), { name: 'JotError', code: 'unavailable', message });
    assert.throws(() => statSync(path), { code: 'ENOENT' });
  });
});

describe('rotateKeyFile and retireKey', () => {
  it('leave the file to whom it belonged', {
    skip: process.getuid?.() !== 0 && 'only root can show it',
  }, () => {
    const path = pathOf();
    openKeyFile(path, now);
    chownSync(path, 4711, 4712);
    rotateKeyFile(path, now);
    assert.deepEqual([statSync(path).uid, statSync(path).gid, modeOf(path)], [4711, 4712, 0o600]);
  });

  it('keep to a hundred keys', () => {
    const keys = Array.from({ length: 99 }, (_, index) => ({ ...GOOD, kid: `k${index}` }));
    const path = pathOf(JSON.stringify({ keys }));
    rotateKeyFile(path, now);
    const message = `Can't use the key file ${path}: it holds 100 keys; retire some first`;
    assert.throws(() => rotateKeyFile(path, now), { name: 'JotError', code: 'unavailable', message });
    retireKey(path, 'k98');
    rotateKeyFile(path, now);
    assert.equal(readKeyFile(path).length, 100);
  });
});

describe('listKeyFile', () => {
  const [FIRST, SECOND, THIRD] = [1, 2, 3].map((day) => Date.UTC(2026, 10, day)) as [number, number, number];

  it('tells when each key was made and replaced, also once the one that replaced it is gone, and no secret', () => {
    const path = pathOf();
    openKeyFile(path, () => FIRST);
    const second = rotateKeyFile(path, () => SECOND);
    rotateKeyFile(path, () => THIRD);
    const timesIn = () => listKeyFile(path).map(({ created, replaced }) => [created, replaced]);
    assert.deepEqual(timesIn(), [
      [THIRD, null],
      [SECOND, THIRD],
      [FIRST, SECOND],
    ]);
    retireKey(path, second);
    assert.deepEqual(timesIn(), [
      [THIRD, null],
      [FIRST, SECOND],
    ]);
    const text = inspect(listKeyFile(path), { depth: null });
    for (const { secret, kid } of storedKeys(path)) {
      assert.deepEqual([text.includes(secret), text.includes(kid)], [false, true]);
    }
  });

  it('takes the next key’s time where the file does not tell, and null where that does not either', () => {
    const keys = [
      { ...GOOD, kid: 'k3', created: '2026-11-03T00:00:00.000Z' },
      { ...GOOD, kid: 'k2', created: 'yesterday' },
      { ...GOOD, kid: 'k1', created: 5, replaced: {} },
    ];
    assert.deepEqual(listKeyFile(pathOf(JSON.stringify({ keys }))), [
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

  it('takes that key out, and leaves the others as they are', () => {
    const path = pathOf(JSON.stringify({ keys: [K2, K1, { ...GOOD, kid: 'k0' }] }));
    retireKey(path, 'k1');
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
    it(`refuses ${reason}, and changes nothing`, () => {
      const text = JSON.stringify({ keys });
      const path = pathOf(text);
      assert.throws(() => retireKey(path, kid), { name: 'JotError', code, message });
      assert.equal(readFileSync(path, 'utf8'), text);
    });
  }
});

describe('readKeyFile', () => {
  it('gives what openKeyFile gives, but makes no file', () => {
    const path = pathOf();
    const message = `Can't use the key file ${path}: there is none yet; the first start of the server makes it`;
    assert.throws(() => readKeyFile(path), { name: 'JotError', code: 'unavailable', message });
    assert.throws(() => statSync(path), { code: 'ENOENT' });
    assert.deepEqual(openKeyFile(path, now), readKeyFile(path));
  });
});

const NOT_JSON = 'it is not JSON';
const NO_LIST = 'it holds no list of "keys"';
const BAD_KEY = 'key 1 needs a "kid" and a "secret" of 32 bytes or more in base64url';

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

/** The error's message, after a look at whether any part of the error shows the secret. */
function messageOf(action: () => unknown): string {
  let message = '';
  assert.throws(action, (error) => {
    assert.equal(error instanceof JotError && error.code, 'unavailable');
    assert.equal(inspect(error, { depth: null, showHidden: true }).includes(SECRET.slice(0, 6)), false);
    message = String(error instanceof Error && error.message);
    return true;
  });
  return message;
}

describe('every use of the key file refuses one that', () => {
  const uses: readonly ((path: string) => unknown)[] = [
    (path) => openKeyFile(path, now),
    (path) => rotateKeyFile(path, now),
    (path) => retireKey(path, 'k1'),
    readKeyFile,
    listKeyFile,
  ];
  for (const { reason, text, problem } of MALFORMED) {
    it(`${reason}, naming it, showing nothing of it, leaving it as it is`, () => {
      const path = pathOf(text);
      for (const use of uses) {
        assert.equal(
          messageOf(() => use(path)),
          `Can't use the key file ${path}: ${problem}`,
        );
      }
      assert.equal(readFileSync(path, 'utf8'), text);
    });
  }

  it('can’t be read', () => {
    for (const use of uses) {
      assert.equal(
        messageOf(() => use(folder)),
        `Can't use the key file ${folder}: EISDIR: illegal operation on a directory, read`,
      );
    }
  });

  it('can’t be made, its folder missing', () => {
    const path = join(folder, 'missing', 'keys.json');
    assert.match(
      messageOf(() => openKeyFile(path, now)),
      /^Can't use the key file .+keys\.json: ENOENT: /,
    );
  });

  it('has none of these faults: it is accepted', () => {
    const keys = openKeyFile(pathOf(JSON.stringify({ keys: [GOOD] })), now);
    assert.deepEqual(keys, [{ kid: 'k1', secret: Buffer.from(SECRET, 'base64url') }]);
  });
});
