// The default of each setting, the texts that it accepts and rejects, and the message that stops
// the start. Durations and rates have their own tests (lib/duration, limit/limiter); here, one of
// each shows that the setting uses that reader.

import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import { type Config, type Environment, keyFileOf, parseConfig } from '../src/config.ts';
import { JotError } from '../src/lib/errors.ts';
import { HEAP_BYTES } from '../src/lib/heap.ts';
import { limitNames, rateSetting } from '../src/limit/limits.ts';
import { DEFAULT_CAPACITY, STORE_BYTES_LIMIT } from '../src/store/capacity.ts';

interface Setting {
  readonly read: (config: Config) => unknown;
  readonly fallback: unknown;
  /** The default in production, if it differs. */
  readonly production?: unknown;
  readonly good: readonly (readonly [text: string, value: unknown])[];
  readonly bad: readonly string[];
  /** What the message asks for. */
  readonly expected: string;
  readonly isSecret?: boolean;
}

const MEBIBYTE = 1024 * 1024;
const HIDDEN = 'is not valid (its value is hidden here)';
const LONG_SECRET = 'long enough for anybody: 32 bytes.';
const DURATION = 'seconds, or a duration like `90s`, `5m`, `12h`, `30d`';
const PROXIES = ['127.0.0.1', '10.1.2.3', '10.2.0.1', '::1', 'fd00::1'];

const settings: Readonly<Record<string, Setting>> = {
  HOST: {
    read: ({ host }) => host,
    fallback: '127.0.0.1',
    good: ['::', 'fe80::1%eth0', 'localhost', 'my_host', '3com.example.'].map((text) => [text, text]),
    bad: [
      ...['256.0.0.1', '127.0.0', '0', '127.0.0.1%eth0', '::g', '[::1]', 'localhost:3000'],
      ...['.', 'a b', '*', 'http://localhost', 'localhost/'],
    ],
    expected: 'an address or a host name to listen on, without a port',
  },
  PORT: whole(({ port }) => port, 3000, 0, 65_535),
  DATABASE_URL: {
    read: ({ databaseUrl }) => databaseUrl,
    fallback: 'file:data/jot.jsonl',
    good: ['memory:', 'file:jot.jsonl', 'file:///var/lib/a%20b.jsonl'].map((text) => [text, text]),
    bad: [
      ...['file:', 'jot.jsonl', 'memory', 'mysql://root:secret@localhost'],
      ...['file:data/', 'file:///', 'file:data/..', 'file:/%2e', 'file:/100%', 'file:/a%2Fb', 'file:/a%00'],
    ],
    expected: '`file:<path>` or `memory:`; the path of a file, percent-encoded if absolute',
    isSecret: true,
  },
  BASE_PATH: {
    read: ({ basePath }) => basePath,
    fallback: '',
    good: ['/api', '/a/b-c_1.0~'].map((text) => [text, text]),
    bad: ['/', '//', '/a/..', '/./a', '/a?b', '/%61', '/é', 'https://a.example/api'],
    expected: 'a path like `/api`, without a slash at the end',
  },
  STORE_BYTES_MAX: heapBytes(({ capacity }) => capacity.bytes, DEFAULT_CAPACITY.bytes, STORE_BYTES_LIMIT),
  USER_BYTES_MAX: heapBytes(
    ({ capacity }) => capacity.bytesPerUser,
    Math.min(64 * MEBIBYTE, Math.floor(DEFAULT_CAPACITY.bytes / 4)),
  ),
  USER_POSTS_MAX: whole(({ capacity }) => capacity.rowsPerUser.posts, 100_000, 1, 2 ** 23),
  MAX_BODY: {
    read: ({ bodyBytesMax }) => bodyBytesMax,
    fallback: 65_536,
    good: [
      ['1', 1],
      ['64KiB', 65_536],
      ['512KiB', 524_288],
    ],
    bad: ['0', '524289', '513KiB', '1MiB', '64kb', '64 KiB', '-1', '1e3', 'off'],
    expected: 'bytes, like `65536` or `64KiB`, up to 512KiB',
  },
  MAX_CONNECTIONS: whole(({ connectionsMax }) => connectionsMax, 10_000, 1, 1_000_000),
  CORS_ORIGIN: {
    read: ({ corsOrigin }) => corsOrigin,
    fallback: [],
    good: [
      ['*', '*'],
      ['https://a.example, http://localhost:5173', ['https://a.example', 'http://localhost:5173']],
      ...['http://[::1]:8080', 'capacitor://localhost', 'chrome-extension://abcdefgh', 'ionic://a:80'].map(
        (text) => [text, [text]] as const,
      ),
    ],
    bad: ['https://*.example.com', 'https://a.example,', '*,https://a.example', 'null', 'file://', 'wss://a'],
    expected: '`*`, or origins like `https://example.com` separated by commas',
  },
  TRUST_PROXY: {
    read: ({ trustProxy }) => PROXIES.filter((address) => trustProxy.has(address)),
    fallback: [],
    good: [
      ['10.1.0.0/16, ::1', ['10.1.2.3', '::1']],
      ['fd00::/8', ['fd00::1']],
    ],
    bad: ['localhost', '10.0.0.0/33', '10.0.0', '10.0.0.0/', '127.0.0.1,', 'true'],
    expected: 'addresses and networks like `10.0.0.0/8` separated by commas',
  },
  EXPLAIN: {
    read: ({ explain }) => explain,
    fallback: true,
    production: false,
    good: [
      ['on', true],
      ['off', false],
    ],
    bad: ['true', 'ON', 'constructor', '__proto__'],
    expected: 'one of on, off',
  },
  LOG: {
    read: ({ logFormat }) => logFormat,
    fallback: 'text',
    production: 'json',
    good: ['json', 'text', 'off'].map((text) => [text, text]),
    bad: ['debug', 'toString'],
    expected: 'one of json, text, off',
  },
  CACHE_TTL: {
    read: ({ cacheTtlMs }) => cacheTtlMs,
    fallback: 60_000,
    good: [
      ['5m', 300_000],
      ['off', null],
    ],
    bad: ['soon', '0'],
    expected: 'a duration of more than 0 or `off`',
  },
  METRICS_TOKEN: {
    read: ({ metricsToken }) => metricsToken,
    fallback: null,
    good: [['abc-123_~=', 'abc-123_~=']],
    bad: ['two words', 'schlüssel'],
    expected: 'visible ASCII characters without spaces',
    isSecret: true,
  },
  JWT_AUTH_HEADER_PREFIX: {
    read: ({ authPrefixes }) => authPrefixes,
    fallback: ['JWT', 'Bearer'],
    good: [['Bearer, JWT', ['Bearer', 'JWT']]],
    bad: ['JWT Bearer', 'JWT,', 'J"WT'],
    expected: 'authentication schemes separated by commas',
  },
  JWT_SECRET_KEY: {
    read: ({ secrets }) => secrets,
    fallback: [],
    good: [
      ['new, old', ['new', 'old']],
      ['a,b,c,d,e,f,g,h,i,j', [...'abcdefghij']],
    ],
    bad: ['new,', ',', 'a,b,c,d,e,f,g,h,i,j,k'],
    expected: 'up to 10 secrets, separated by commas',
    isSecret: true,
  },
  JWT_EXPIRATION_DELTA: duration(({ tokens }) => tokens.expirationMs, 300_000, 'positive'),
  JWT_NOT_BEFORE_DELTA: {
    ...duration(({ tokens }) => tokens.notBeforeMs, 0),
    good: [
      ['0', 0],
      ['0.5s', 500],
    ],
    bad: ['soon', '-5m', '5m'],
    expected: `${DURATION}, less than JWT_EXPIRATION_DELTA`,
  },
  JWT_LEEWAY: {
    ...duration(({ tokens }) => tokens.leewayMs, 10_000),
    good: [
      ['0', 0],
      ['1h', 3_600_000],
    ],
    bad: ['-1', '3601', '2h'],
    expected: `${DURATION}, at most \`1h\``,
  },
  JWT_REFRESH_EXPIRATION_DELTA: duration(
    ({ tokens }) => tokens.refreshExpirationMs,
    30 * 86_400_000,
    'positive',
  ),
  JWT_REFRESH_REUSE_LEEWAY: duration(({ refreshReuseLeewayMs }) => refreshReuseLeewayMs, 10_000),
  SIGNUP: {
    read: ({ signup }) => signup,
    fallback: true,
    good: [
      ['on', true],
      ['off', false],
    ],
    bad: ['no', 'OFF'],
    expected: 'one of on, off',
  },
  PASSWORD_MIN_LENGTH: { ...whole(({ passwordLengthMin }) => passwordLengthMin, 1, 1, 256), production: 8 },
  PASSWORD_COST: {
    read: ({ passwordCost }) => passwordCost,
    fallback: { ln: 14, r: 8, p: 5 },
    good: [
      ['ln=1,r=1,p=1', { ln: 1, r: 1, p: 1 }],
      ['ln=17,r=8,p=1', { ln: 17, r: 8, p: 1 }],
    ],
    bad: ['ln=19,r=8,p=1', 'ln=14,r=8,p=17', '14', 'ln=0,r=8,p=1', 'ln=014,r=8,p=5'],
    expected: 'a scrypt cost like `ln=14,r=8,p=5`, with N · r · p of at most 2^21',
  },
  HASH_CONCURRENCY: whole(
    ({ hashConcurrency }) => hashConcurrency,
    Math.min(2, availableParallelism()),
    1,
    3,
  ),
  RATE_LIMIT: rate(({ rates }) => rates.default, { tokens: 600, windowMs: 60_000 }),
  RATE_LIMIT_AUTH: rate(({ rates }) => rates.auth, { tokens: 60, windowMs: 60_000 }),
  RATE_LIMIT_SIGNUP: {
    ...rate(({ rates }) => rates.signup, null),
    production: { tokens: 10, windowMs: 3_600_000 },
  },
  RATE_LIMIT_LOGIN: rate(({ rates }) => rates.login, { tokens: 10, windowMs: 900_000 }),
};

function whole(read: Setting['read'], fallback: number, min: number, max: number): Setting {
  return {
    read,
    fallback,
    good: [min, max].map((value) => [String(value), value]),
    bad: [String(min - 1), String(max + 1), '1.5', '0x1', '1_0', 'many', '\u0661'],
    expected: `an integer from ${min} to ${max}`,
  };
}

function heapBytes(read: Setting['read'], fallback: number, max = HEAP_BYTES): Setting {
  return {
    read,
    fallback,
    good: [
      ['5MiB', 5 * MEBIBYTE],
      [String(max), max],
    ],
    bad: ['0', String(max + 1), '1GiB', 'off'],
    expected: `bytes, like \`65536\` or \`64KiB\`, up to ${Math.floor(max / MEBIBYTE)}MiB`,
  };
}

function duration(read: Setting['read'], fallback: number, kind?: 'positive'): Setting {
  const expected = DURATION;
  const good = [
    ['90', 90_000],
    ['0.5s', 500],
  ] as const;
  if (kind === 'positive')
    return { read, fallback, good, bad: ['soon', '0'], expected: `${expected}, more than 0` };
  return { read, fallback, good: [...good, ['0', 0]], bad: ['soon', '-5m'], expected };
}

function rate(read: Setting['read'], fallback: object | null): Setting {
  const good = [
    ['10/15m', { tokens: 10, windowMs: 900_000 }],
    ['off', null],
  ] as const;
  const expected = '`<tokens>/<s, m, h, d or a duration>`, neither of them 0, or `off`';
  return { read, fallback, good, bad: ['600', '0/m', 'none'], expected };
}

/** The message of the error that these settings stop the start with. */
function problemsIn(env: Environment): string {
  let message = '';
  assert.throws(
    () => parseConfig(env),
    (error) => {
      assert.ok(error instanceof JotError);
      assert.equal(error.code, 'validation_failed');
      message = error.message;
      return true;
    },
  );
  return message;
}

for (const [name, { read, fallback, production = fallback, good, bad, expected, isSecret }] of Object.entries(
  settings,
)) {
  describe(`parseConfig: ${name}`, () => {
    it('has its default in development and in production, even if it is blank', () => {
      for (const blank of [undefined, '', ' \t\n']) {
        assert.deepEqual(read(parseConfig({ [name]: blank })), fallback);
        assert.deepEqual(read(parseConfig({ [name]: blank, NODE_ENV: 'production' })), production);
      }
    });

    it('accepts its values, also with white space around them', () => {
      for (const [text, value] of good) {
        assert.deepEqual(read(parseConfig({ [name]: text })), value, text);
        assert.deepEqual(read(parseConfig({ [name]: `  ${text}\n` })), value, text);
      }
    });

    it('rejects everything else and says what it expects', () => {
      for (const text of bad) {
        const found = isSecret ? HIDDEN : `is ${JSON.stringify(text)}`;
        const [title, problem = '', ...more] = problemsIn({ [name]: text }).split('\n');
        assert.equal(problem, `  ${name} ${found}; expected ${expected}`);
        assert.deepEqual([title, more], ['Wrong settings:', []]);
      }
    });
  });
}

describe('parseConfig', () => {
  it('has a setting for the rate of every limit', () => {
    for (const name of limitNames) {
      const env = { [rateSetting(name)]: '7/h' };
      assert.deepEqual(parseConfig(env).rates[name], { tokens: 7, windowMs: 3_600_000 });
      assert.equal(parseConfig({ [rateSetting(name)]: 'off' }).rates[name], null);
    }
  });

  it('is in production only if NODE_ENV is "production"', () => {
    assert.equal(parseConfig({ NODE_ENV: 'production' }).isProduction, true);
    for (const other of [undefined, '', 'development', 'test']) {
      assert.equal(parseConfig({ NODE_ENV: other }).isProduction, false, other);
    }
  });

  it('rejects a NODE_ENV that it does not know, which would leave the stricter defaults off', () => {
    for (const text of ['prod', 'PRODUCTION', 'constructor']) {
      const line = `  NODE_ENV is "${text}"; expected one of production, development, test`;
      assert.equal(problemsIn({ NODE_ENV: text }), `Wrong settings:\n${line}`);
    }
  });

  it('names all problems in one error, a line for each, and nothing that is right', () => {
    const wrong = { PORT: 'http', MAX_BODY: '64kb', METRICS_TOKEN: 'has spaces', JWT_LEWAY: '1s' };
    assert.deepEqual(problemsIn({ ...wrong, CORS_ORIGIN: '*', CACHE_TTL: '60s' }).split('\n'), [
      'Wrong settings:',
      '  PORT is "http"; expected an integer from 0 to 65535',
      '  MAX_BODY is "64kb"; expected bytes, like `65536` or `64KiB`, up to 512KiB',
      `  METRICS_TOKEN ${HIDDEN}; expected visible ASCII characters without spaces`,
      '  JWT_LEWAY is not a setting and has no effect; did you mean JWT_LEEWAY?',
    ]);
  });

  it('names every setting of the table when all of them are wrong', () => {
    const wrong = Object.entries(settings).map(([name, { bad }]) => [name, bad[0]]);
    const lines = problemsIn(Object.fromEntries(wrong)).split('\n').slice(1);
    const named = lines.map((line) => line.trim().split(' ')[0]);
    assert.deepEqual(named.sort(), Object.keys(settings).sort());
  });

  it('lists every problem as data, without the value of a secret', () => {
    const wrong = { PORT: 70_000, HOST: 'a b', METRICS_TOKEN: 'has spaces' };
    assert.throws(
      () => parseConfig(wrong),
      (error) => {
        assert.ok(error instanceof JotError);
        assert.deepEqual(error.details.problems, [
          { name: 'HOST', value: 'a b', expected: settings.HOST?.expected },
          { name: 'PORT', value: 70_000, expected: settings.PORT?.expected },
          { name: 'METRICS_TOKEN', expected: settings.METRICS_TOKEN?.expected },
        ]);
        return true;
      },
    );
  });

  it('accepts numbers, and booleans for on and off', () => {
    const { port, explain, cacheTtlMs, logFormat } = parseConfig({
      PORT: 0,
      EXPLAIN: false,
      CACHE_TTL: 0.5,
      LOG: false,
    });
    assert.deepEqual([port, explain, cacheTtlMs, logFormat], [0, false, 500, 'off']);
    assert.equal(parseConfig({ EXPLAIN: true, NODE_ENV: 'production' }).explain, true);
  });

  it('rejects values of other types, which would become texts like "null"', () => {
    for (const value of [null, ['localhost'], { toString: () => 'localhost' }, () => 1, 1n, Symbol()]) {
      const given: object = { HOST: value, JWT_SECRET_KEY: value };
      assert.throws(() => parseConfig({ ...given }), {
        code: 'validation_failed',
        message: [
          'Wrong settings:',
          `  HOST is of type ${typeof value}; expected ${settings.HOST?.expected}`,
          `  JWT_SECRET_KEY ${HIDDEN}; expected ${settings.JWT_SECRET_KEY?.expected}`,
        ].join('\n'),
      });
    }
    assert.equal(parseConfig({ HOST: 'localhost' }).host, 'localhost');
  });

  it('escapes the control characters of a value', () => {
    assert.match(problemsIn({ HOST: 'a\u001b[2J\r\nINJECTED' }), /"a\\u001b\[2J\\r\\nINJECTED"/);
  });

  it('shows the value of a setting unless it is a secret', () => {
    const secrets = {
      JWT_SECRET_KEY: 'hunter2-one,,hunter2-two',
      METRICS_TOKEN: 'hunter2 with spaces',
      DATABASE_URL: 'postgres://jot:hunter2@db.example/jot',
    };
    const message = problemsIn({ ...secrets, HOST: 'not a host' });
    assert.doesNotMatch(message, /hunter2/);
    assert.match(message, /not a host/);
  });
});

describe('parseConfig: CORS_ORIGIN', () => {
  const rows: readonly [text: string, meant: string | null, reason: string][] = [
    ['https://example.com/', 'https://example.com', 'a slash at the end'],
    ['https://a.example,https://b.example/app?x#y', 'https://b.example', 'a path, in the second'],
    ['https://Example.com:443', 'https://example.com', 'the way a browser writes it'],
    ['http://example.com:80', 'http://example.com', 'the default port'],
    ['example.com', 'https://example.com', 'the scheme is missing'],
    ['capacitor://localhost/', 'capacitor://localhost', 'an app'],
    ['https://*.example.com', null, 'a pattern'],
    ['null', null, 'a sandboxed page of any website'],
  ];
  for (const [text, meant, reason] of rows) {
    it(`rejects ${text} and proposes ${meant ?? 'nothing'}: ${reason}`, () => {
      const end = meant === null ? 'separated by commas' : `; did you mean \`${meant}\`?`;
      assert.ok(problemsIn({ CORS_ORIGIN: text }).endsWith(end), problemsIn({ CORS_ORIGIN: text }));
      if (meant !== null) assert.deepEqual(parseConfig({ CORS_ORIGIN: meant }).corsOrigin, [meant]);
    });
  }
});

describe('parseConfig: BASE_PATH', () => {
  for (const text of ['api', '/api/', 'api/', '//api//']) {
    it(`rejects ${text} and proposes /api`, () => {
      assert.match(problemsIn({ BASE_PATH: text }), /; did you mean `\/api`\?$/);
    });
  }
});

describe('parseConfig: JWT_NOT_BEFORE_DELTA', () => {
  it('is rejected if a token would expire before it is valid', () => {
    const lifetime = { JWT_EXPIRATION_DELTA: '10m' };
    assert.equal(parseConfig({ ...lifetime, JWT_NOT_BEFORE_DELTA: '599' }).tokens.notBeforeMs, 599_000);
    for (const text of ['600', '1h']) {
      const message = problemsIn({ ...lifetime, JWT_NOT_BEFORE_DELTA: text });
      assert.match(message, /JWT_NOT_BEFORE_DELTA is ".+"; .+, less than JWT_EXPIRATION_DELTA$/);
    }
  });
});

describe('parseConfig: METRICS_TOKEN', () => {
  it('has at least 16 characters in production', () => {
    const production = { NODE_ENV: 'production', METRICS_TOKEN: 'x'.repeat(15) };
    assert.match(problemsIn(production), /expected 16 or more visible ASCII characters without spaces$/);
    assert.equal(parseConfig({ METRICS_TOKEN: production.METRICS_TOKEN }).metricsToken?.length, 15);
    const { metricsToken } = parseConfig({ ...production, METRICS_TOKEN: 'x'.repeat(16) });
    assert.equal(metricsToken?.length, 16);
  });
});

describe('parseConfig: JWT_SECRET_KEY under 32 bytes', () => {
  const rows: readonly [text: string, isShort: boolean, reason: string][] = [
    ['x'.repeat(31), true, 'one byte is missing'],
    ['é'.repeat(16), false, '32 bytes of UTF-8, though only 16 characters'],
    [`${LONG_SECRET},short`, true, 'a second key verifies too, so it can be guessed'],
    [`${LONG_SECRET},another ${LONG_SECRET}`, false, 'two that are long enough'],
  ];
  for (const [text, isShort, reason] of rows) {
    it(`is ${isShort ? 'rejected' : 'accepted'} in production: ${reason}`, () => {
      const env = { NODE_ENV: 'production', JWT_SECRET_KEY: text };
      if (isShort)
        assert.match(problemsIn(env), /expected up to 10 secrets of 32 bytes or more, separated by commas$/);
      else assert.deepEqual(parseConfig(env).warnings, []);
    });

    it(`is ${isShort ? 'warned of' : 'accepted'} elsewhere: ${reason}`, () => {
      const { secrets, warnings } = parseConfig({ JWT_SECRET_KEY: text });
      assert.deepEqual(secrets, text.split(','));
      assert.deepEqual(warnings, isShort ? ['JWT_SECRET_KEY holds a secret under 32 bytes'] : []);
    });
  }

  it('causes no warning if the keys come from the key file', () => {
    assert.deepEqual(parseConfig({ NODE_ENV: 'production' }).warnings, []);
  });
});

// One of libuv's threads has to stay free of hashing, or the disk waits for passwords.
describe('parseConfig: HASH_CONCURRENCY and UV_THREADPOOL_SIZE', () => {
  // As libuv reads them: with atoi(3), at least 1 and at most 1,024.
  const rows: readonly [size: string | undefined, hashesMax: number, reason: string][] = [
    [undefined, 3, "libuv's four threads"],
    ['16', 15, 'a larger pool'],
    ['2', 1, 'a smaller one'],
    ['2.5', 1, 'a number with a rest'],
    ['many', 1, 'a pool of one'],
    ['', 1, 'a pool of one'],
    ['-1', 1023, 'an unsigned number'],
    ['9999', 1023, 'the maximum'],
  ];
  for (const [size, hashesMax, reason] of rows) {
    it(`allows ${hashesMax} for ${JSON.stringify(size)} in the environment: ${reason}`, () => {
      const environment = { UV_THREADPOOL_SIZE: size };
      const parse = (hashes: number) => parseConfig({ HASH_CONCURRENCY: hashes }, environment);
      assert.equal(parse(hashesMax).hashConcurrency, hashesMax);
      const message = new RegExp(`expected an integer from 1 to ${hashesMax}$`);
      assert.throws(() => parse(hashesMax + 1), { message });
    });
  }

  it('leaves a thread free by default in a pool of two, and warns of a pool of one', () => {
    const [one, two] = ['1', '2'].map((size) => parseConfig({}, { UV_THREADPOOL_SIZE: size }));
    assert.deepEqual([two?.hashConcurrency, two?.warnings], [1, []]);
    const warning = 'UV_THREADPOOL_SIZE leaves one thread, so disk access waits for every password hash';
    assert.deepEqual([one?.hashConcurrency, one?.warnings], [1, [warning]]);
  });

  for (const name of ['UV_THREADPOOL_SIZE', 'NODE_OPTIONS']) {
    it(`warns of ${name} in the settings alone, where it has no effect`, () => {
      const warning = `${name} has no effect in .env or in the settings of a program; set it in the environment`;
      for (const value of ['16', 16]) {
        const { warnings, hashConcurrency } = parseConfig({ [name]: value }, {});
        assert.deepEqual([warnings, hashConcurrency], [[warning], parseConfig({}, {}).hashConcurrency]);
        assert.deepEqual(parseConfig({ [name]: value }, { [name]: '16' }).warnings, []);
      }
      assert.throws(() => parseConfig({ [name]: '16', HASH_CONCURRENCY: 15 }, {}), {
        message: /from 1 to 3$/,
      });
    });
  }
});

describe('parseConfig: a variable that is not a setting', () => {
  const warned = (env: Environment) => parseConfig(env, env).warnings;

  it('is warned of, without its value, if it is one slip away from a setting', () => {
    const env = { JWT_LEWAY: 'hunter2', JWT_SECRET: 'x'.repeat(32), Database_Url: '' };
    assert.deepEqual(warned({ ...env, DATABASE_URL: 'memory:' }), [
      'JWT_LEWAY is not a setting and has no effect; did you mean JWT_LEEWAY?',
      'JWT_SECRET is not a setting and has no effect; did you mean JWT_SECRET_KEY?',
      'Database_Url is not a setting and has no effect; did you mean DATABASE_URL?',
    ]);
  });

  it('is ignored if it belongs to another program', () => {
    const foreign =
      'HOSTNAME HOSTTYPE HOST_IP LOGNAME LOGS LOG_LEVEL LOG_DIR PORTS PORT0 PORT_RANGE RATE RATE_LIMITER PATH PWD ' +
      'MAX_JOBS MAX_HEAP CACHE_DIR CACHE_URL CACHE_TYPE HASH_SEED METRICS METRICS_PORT PASSWORD_STORE_DIR ' +
      'TRUST_STORE JWT_ISSUER JWT_AUDIENCE JWT_PUBLIC_KEY CORS_ORIGIN_REGEX MAX_BODY_SIZE_BYTES EXPLAIN_ALL ' +
      'DATABASE_HOST DATABASE_NAME DATABASE_PORT DATABASE_DSN NODE_PATH NODE_OPTIONS UV_THREADPOOL_SIZE ' +
      'KUBERNETES_PORT npm_config_cache http_proxy LANG TERM HOME USER SHELL';
    const env = Object.fromEntries(foreign.split(' ').map((name) => [name, '2']));
    assert.deepEqual(warned(env), []);
    const right = Object.entries(settings).map(([name, { good }]) => [name, good[0]?.[0]]);
    const all = { ...Object.fromEntries(right), JWT_SECRET_KEY: LONG_SECRET, ...env };
    assert.deepEqual(warned(all), [], 'together with all settings');
  });
});

describe('keyFileOf', () => {
  const rows: readonly [url: string, path: string | null, reason: string][] = [
    ['file:data/jot.jsonl', 'data/jot.keys.json', 'in the folder of the data file'],
    ['file:///var/lib/jot/jot.jsonl', '/var/lib/jot/jot.keys.json', 'an absolute path'],
    ['file:notes', 'notes.keys.json', 'no extension'],
    ['file:notes.jsonl.old', 'notes.jsonl.old.keys.json', 'another extension, which stays'],
    ['file:a.jsonl/b', 'a.jsonl/b.keys.json', 'a folder that is named like a data file'],
    ['memory:', null, 'no file'],
  ];
  for (const [url, path, reason] of rows) {
    it(`returns ${path} for ${url}: ${reason}`, () =>
      assert.equal(keyFileOf({ databaseUrl: url, secrets: [] }), path));
  }

  it('returns null if the keys are a setting', () => {
    assert.equal(keyFileOf({ databaseUrl: 'file:data/jot.jsonl', secrets: ['secret'] }), null);
  });
});
