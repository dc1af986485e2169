import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Cost, DEFAULT_COST, hash, parseCost, verify } from '../../src/auth/password.ts';

const LOW: Cost = { ln: 4, r: 8, p: 1 };
const LOW_TEXT = 'ln=4,r=8,p=1';

/** The PHC string of bytes that are known from elsewhere. */
function phc(cost: string, salt: string, hex: string): string {
  const encode = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `$scrypt$${cost}$${encode(Buffer.from(salt))}$${encode(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))}`;
}

// RFC 7914 §12. Its fourth vector (N=1048576, r=8) needs 1 GiB and stands below, among the costs that are refused.
const VECTORS = [
  {
    reason: 'RFC 7914 N=16, r=1, p=1, without password and salt',
    password: '',
    phc: phc(
      'ln=4,r=1,p=1',
      '',
      `77 d6 57 62 38 65 7b 20 3b 19 ca 42 c1 8a 04 97 f1 6b 48 44 e3 07 4a e8 df df fa 3f ed e2 14 42
       fc d0 06 9d ed 09 48 f8 32 6a 75 3a 0f c8 1f 17 e8 d3 e0 fb 2e 0d 36 28 cf 35 e2 0c 38 d1 89 06`,
    ),
  },
  {
    reason: 'RFC 7914 N=1024, r=8, p=16',
    password: 'password',
    phc: phc(
      'ln=10,r=8,p=16',
      'NaCl',
      `fd ba be 1c 9d 34 72 00 78 56 e7 19 0d 01 e9 fe 7c 6a d7 cb c8 23 78 30 e7 73 76 63 4b 37 31 62
       2e af 30 d9 2e 22 a3 88 6f f1 09 27 9d 98 30 da c7 27 af b9 4a 83 ee 6d 83 60 cb df a2 cc 06 40`,
    ),
  },
  {
    reason: 'RFC 7914 N=16384, r=8, p=1',
    password: 'pleaseletmein',
    phc: phc(
      'ln=14,r=8,p=1',
      'SodiumChloride',
      `70 23 bd cb 3a fd 73 48 46 1c 06 cd 81 fd 38 eb fd a8 fb ba 90 4f 8e 3e a9 b5 43 f6 54 5d a1 f2
       d5 43 29 55 61 3f 0f cf 62 d4 97 05 24 2a 9a f9 e6 1e 85 dc 0d 65 1e 40 df cf 01 7b 45 57 58 87`,
    ),
  },
  {
    reason: 'the hash in passlib’s manual',
    password: 'password',
    phc: '$scrypt$ln=8,r=8,p=1$WKs1xljLudd6z9kbY0wpJQ$yCR4iDZYDKv+iEJj6yHY0lv/epnfB6f/w1EbXrsJOuQ',
  },
];

describe('verify accepts a hash made by another program', () => {
  for (const { reason, password, phc } of VECTORS) {
    it(reason, async () => assert.equal((await verify(password, phc)).ok, true));

    it(`${reason}: but not with a longer password, another hash or another salt`, async () => {
      const [, , cost, salt, derived = ''] = phc.split('$');
      const otherHash = `$scrypt$${cost}$${salt}$${derived.startsWith('A') ? 'B' : 'A'}${derived.slice(1)}`;
      assert.equal((await verify(`${password}!`, phc)).ok, false);
      assert.equal((await verify(password, otherHash)).ok, false);
      assert.equal((await verify(password, `$scrypt$${cost}$AAAA${salt}$${derived}`)).ok, false);
    });
  }
});

describe('hash and verify', () => {
  it('hash makes a hash that verify accepts, at the default cost', async () => {
    const made = await hash('correct horse battery staple');
    assert.match(made, /^\$scrypt\$ln=14,r=8,p=5\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    assert.deepEqual(await verify('correct horse battery staple', made), { ok: true, stale: false });
    assert.deepEqual(DEFAULT_COST, { ln: 14, r: 8, p: 5 });
  });

  it('hash makes a hash that verify accepts, at another cost, which the hash contains', async () => {
    const made = await hash('foo', LOW);
    assert.match(made, /^\$scrypt\$ln=4,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    assert.deepEqual(await verify('foo', made, LOW), { ok: true, stale: false });
    assert.deepEqual(await verify('fop', made, LOW), { ok: false, stale: false });
  });

  it('hash uses a new salt for every hash of the same password', async () => {
    const made = await Promise.all([hash('foo', LOW), hash('foo', LOW), hash('foo', LOW)]);
    assert.equal(new Set(made.map((text) => text.split('$')[3])).size, 3);
    assert.equal(new Set(made.map((text) => text.split('$')[4])).size, 3);
  });

  const passwords = ['', ' ', 'foo ', 'é', '密码', '😀', 'x'.repeat(1024), '$scrypt$ln=4,r=8,p=1$$'];
  for (const password of passwords) {
    it(`verify rejects ${JSON.stringify(password).slice(0, 30)} with a space appended`, async () => {
      const made = await hash(password, LOW);
      assert.equal((await verify(password, made)).ok, true);
      assert.equal((await verify(`${password} `, made)).ok, false);
    });
  }

  it('hash does not normalize: two Unicode forms of a letter are two passwords', async () => {
    const made = await hash('caf\u00e9', LOW);
    assert.equal((await verify('caf\u00e9', made)).ok, true);
    assert.equal((await verify('cafe\u0301', made)).ok, false);
  });
});

describe('verify returns as stale', () => {
  const made = hash('foo', LOW);
  const rows = [
    { reason: 'the same cost', cost: LOW, stale: false },
    { reason: 'the same cost, written in another order', cost: { p: 1, r: 8, ln: 4 }, stale: false },
    { reason: 'another ln', cost: { ...LOW, ln: 5 }, stale: true },
    { reason: 'another r', cost: { ...LOW, r: 9 }, stale: true },
    { reason: 'another p', cost: { ...LOW, p: 2 }, stale: true },
    { reason: 'the default cost', cost: undefined, stale: true },
  ];
  for (const { reason, cost, stale } of rows) {
    it(`${stale} for ${reason}, whatever the password`, async () => {
      assert.deepEqual(await verify('foo', await made, cost), { ok: true, stale });
      assert.deepEqual(await verify('bar', await made, cost), { ok: false, stale });
    });
  }
});

const SALT = '++++////QQ';
const HASH = '+TVIxU2hHouACU/bhlvKIhTgp6+hRYB3v+MdmMP9ASE';
const MALFORMED = [
  { reason: 'empty', text: '' },
  { reason: 'the password itself', text: 'foo' },
  { reason: 'bcrypt', text: '$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW' },
  { reason: 'argon2', text: `$argon2id$v=19$m=65536,t=2,p=1$${SALT}$${HASH}` },
  { reason: 'scrypt in capitals', text: `$SCRYPT$${LOW_TEXT}$${SALT}$${HASH}` },
  { reason: 'without the first $', text: `scrypt$${LOW_TEXT}$${SALT}$${HASH}` },
  { reason: 'without a cost', text: `$scrypt$${SALT}$${HASH}` },
  { reason: 'with an empty cost', text: `$scrypt$$${SALT}$${HASH}` },
  { reason: 'with a cost of nothing', text: `$scrypt$ln=0,r=8,p=1$${SALT}$${HASH}` },
  { reason: 'with a cost out of order', text: `$scrypt$r=8,ln=4,p=1$${SALT}$${HASH}` },
  { reason: 'with a cost that needs 1 GiB (RFC 7914’s last)', text: `$scrypt$ln=20,r=8,p=1$${SALT}$${HASH}` },
  { reason: 'with a cost that takes a day', text: `$scrypt$ln=10,r=8,p=262144$${SALT}$${HASH}` },
  { reason: 'with a salt of 65 bytes', text: `$scrypt$${LOW_TEXT}$${'A'.repeat(87)}$${HASH}` },
  { reason: 'with a hash of 65 bytes', text: `$scrypt$${LOW_TEXT}$${SALT}$${'A'.repeat(87)}` },
  { reason: 'without a hash', text: `$scrypt$${LOW_TEXT}$${SALT}` },
  { reason: 'with an empty hash, which any password has', text: `$scrypt$${LOW_TEXT}$${SALT}$` },
  { reason: 'with a hash of 15 bytes', text: `$scrypt$${LOW_TEXT}$${SALT}$${HASH.slice(0, 20)}` },
  { reason: 'with one part too many', text: `$scrypt$${LOW_TEXT}$${SALT}$${HASH}$` },
  { reason: 'with a version', text: `$scrypt$v=1$${LOW_TEXT}$${SALT}$${HASH}` },
  { reason: 'with a space before', text: ` $scrypt$${LOW_TEXT}$${SALT}$${HASH}` },
  { reason: 'with a newline after', text: `$scrypt$${LOW_TEXT}$${SALT}$${HASH}\n` },
  { reason: 'with a padded salt', text: `$scrypt$${LOW_TEXT}$${SALT}==$${HASH}` },
  { reason: 'with a padded hash', text: `$scrypt$${LOW_TEXT}$${SALT}$${HASH}=` },
  { reason: 'with a salt in base64url', text: `$scrypt$${LOW_TEXT}$----____QQ$${HASH}` },
  { reason: 'with a hash in base64url', text: `$scrypt$${LOW_TEXT}$${SALT}$${HASH.replaceAll('+', '-')}` },
  { reason: 'with stray bits in the salt', text: `$scrypt$${LOW_TEXT}$++++////QR$${HASH}` },
  { reason: 'with stray bits in the hash', text: `$scrypt$${LOW_TEXT}$${SALT}$${HASH.replace(/E$/, 'F')}` },
  { reason: 'with junk in the salt', text: `$scrypt$${LOW_TEXT}$++++*////QQ$${HASH}` },
];

describe('verify rejects a PHC string', () => {
  it('but not the one that the others are made from', async () => {
    assert.equal((await verify('foo', `$scrypt$${LOW_TEXT}$${SALT}$${HASH}`)).ok, true);
  });

  it('but not one with 64 bytes of salt and of hash', async () => {
    const longest = 'A'.repeat(86);
    assert.equal((await verify('foo', `$scrypt$${LOW_TEXT}$${longest}$${longest}`)).ok, false);
  });

  it('but not one with 16 bytes of hash', async () => {
    assert.equal((await verify('foo', `$scrypt$${LOW_TEXT}$${SALT}$+TVIxU2hHouACU/bhlvKIg`)).ok, true);
  });

  for (const { reason, text } of MALFORMED) {
    it(reason, async () => {
      await assert.rejects(verify('foo', text), {
        name: 'TypeError',
        message: 'Not a scrypt hash in PHC format',
      });
    });
  }
});

describe('hash rejects a cost', () => {
  const rows = [
    { reason: 'of nothing', cost: { ...LOW, ln: 0 } },
    { reason: 'without blocks', cost: { ...LOW, r: 0 } },
    { reason: 'without a lane', cost: { ...LOW, p: 0 } },
    { reason: 'below zero', cost: { ...LOW, p: -1 } },
    { reason: 'that is no whole number', cost: { ...LOW, ln: 4.5 } },
    { reason: 'that is no number', cost: { ...LOW, r: Number.NaN } },
    { reason: 'that is endless', cost: { ...LOW, p: Number.POSITIVE_INFINITY } },
    { reason: 'over N · r · p = 2^21', cost: { ln: 18, r: 8, p: 2 } },
    { reason: 'that spends its time in PBKDF2', cost: { ln: 1, r: 8, p: 16_385 } },
  ];
  for (const { reason, cost } of rows) {
    it(reason, async () => {
      const message = `Not a usable scrypt cost: ln=${cost.ln},r=${cost.r},p=${cost.p}`;
      await assert.rejects(hash('foo', cost), { name: 'RangeError', message });
    });
  }
});

describe('parseCost', () => {
  const rows = [
    { reason: 'the default', text: 'ln=14,r=8,p=5', cost: DEFAULT_COST },
    { reason: 'the least', text: 'ln=1,r=1,p=1', cost: { ln: 1, r: 1, p: 1 } },
    { reason: 'the largest ln that r=1 allows', text: 'ln=15,r=1,p=1', cost: { ln: 15, r: 1, p: 1 } },
    { reason: 'the most, by ln', text: 'ln=18,r=8,p=1', cost: { ln: 18, r: 8, p: 1 } },
    { reason: 'the most, by r', text: 'ln=1,r=131072,p=1', cost: { ln: 1, r: 131_072, p: 1 } },
    { reason: 'the most, by p', text: 'ln=4,r=1,p=131072', cost: { ln: 4, r: 1, p: 131_072 } },
    { reason: 'an ln that r=1 does not allow', text: 'ln=16,r=1,p=1', cost: null },
    { reason: 'more than the most by r', text: 'ln=18,r=9,p=1', cost: null },
    { reason: 'more than the most by p', text: 'ln=18,r=8,p=2', cost: null },
    { reason: 'more than the most by ln', text: 'ln=19,r=8,p=1', cost: null },
    { reason: 'more than the most in PBKDF2', text: 'ln=1,r=1,p=131073', cost: null },
    { reason: 'a p over RFC 7914’s limit', text: 'ln=1,r=2,p=536870912', cost: null },
    { reason: 'nothing', text: '', cost: null },
    { reason: 'ln=0', text: 'ln=0,r=8,p=1', cost: null },
    { reason: 'r=0', text: 'ln=4,r=0,p=1', cost: null },
    { reason: 'p=0', text: 'ln=4,r=8,p=0', cost: null },
    { reason: 'a missing p', text: 'ln=4,r=8', cost: null },
    { reason: 'something after p', text: 'ln=4,r=8,p=1,x=1', cost: null },
    { reason: 'another order', text: 'r=8,ln=4,p=1', cost: null },
    { reason: 'N instead of its logarithm', text: 'N=16,r=8,p=1', cost: null },
    { reason: 'a zero in front', text: 'ln=04,r=8,p=1', cost: null },
    { reason: 'a sign', text: 'ln=+4,r=8,p=1', cost: null },
    { reason: 'a number below zero', text: 'ln=4,r=8,p=-1', cost: null },
    { reason: 'a fraction', text: 'ln=4,r=8,p=1.0', cost: null },
    { reason: 'an exponent', text: 'ln=1e1,r=8,p=1', cost: null },
    { reason: 'a digit that is not ASCII', text: 'ln=٤,r=8,p=1', cost: null },
    { reason: 'a space', text: 'ln=4, r=8, p=1', cost: null },
    { reason: 'a newline at the end', text: 'ln=4,r=8,p=1\n', cost: null },
  ];
  for (const { reason, text, cost } of rows) {
    it(`returns ${cost === null ? 'null' : 'the cost'} for ${reason}`, () =>
      assert.deepEqual(parseCost(text), cost));
  }
});
