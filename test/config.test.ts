// Every setting: what it is when nobody sets it, what it takes, what it refuses and in which words.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Config, type Environment, keyFileOf, keyFilePath, parseConfig } from '../src/config.ts';
import { JotError } from '../src/lib/errors.ts';
import { authSettings } from './support/server/auth-settings.ts';
import { serverSettings } from './support/server/server-settings.ts';

const settings = [...serverSettings, ...authSettings];
// What is read besides: the mode, and the size of libuv's pool.
const TESTED_BELOW = ['NODE_ENV', 'UV_THREADPOOL_SIZE'];
const HIDDEN = 'is not valid (its value is hidden here)';
const LONG_SECRET = 'long enough for anybody: 32 bytes.';

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

for (const { name, read, fallback, productionFallback, good, bad, expected, isSecret } of settings) {
  describe(`parseConfig: ${name}`, () => {
    it('has its default in development', () => {
      assert.deepEqual(read(parseConfig({})), fallback);
    });

    it('has its default in production', () => {
      const inProduction = productionFallback === undefined ? fallback : productionFallback;
      assert.deepEqual(read(parseConfig({ NODE_ENV: 'production' })), inProduction);
    });

    for (const blank of ['', ' ', '\t\n']) {
      it(`counts ${JSON.stringify(blank)} as unset`, () => {
        assert.deepEqual(read(parseConfig({ [name]: blank })), fallback);
      });
    }

    for (const [text, value, reason] of good) {
      it(`takes ${JSON.stringify(text)}: ${reason}`, () => {
        assert.deepEqual(read(parseConfig({ [name]: text })), value);
        assert.deepEqual(read(parseConfig({ [name]: `  ${text}\n` })), value, 'white space around it');
      });
    }

    for (const [text, reason] of bad) {
      it(`refuses ${JSON.stringify(text)}: ${reason}`, () => {
        const found = isSecret ? HIDDEN : `is ${JSON.stringify(text)}`;
        const line = `  ${name} ${found}; expected ${expected}`;
        const [title, problem = '', ...more] = problemsIn({ [name]: text }).split('\n');
        assert.deepEqual([title, problem.split('; did you mean ')[0], more], ['Wrong settings:', line, []]);
      });
    }
  });
}

describe('parseConfig', () => {
  it('reads no setting that has no row in the table above', () => {
    const names = new Set<string>();
    const env = new Proxy<Environment>(
      {},
      { get: (_, name) => typeof name === 'string' && void names.add(name) },
    );
    parseConfig(env);
    const inTable = settings.map(({ name }) => name);
    assert.deepEqual([...names].sort(), [...inTable, ...TESTED_BELOW].sort());
  });

  it('is in production where NODE_ENV says so, and only there', () => {
    assert.equal(parseConfig({ NODE_ENV: 'production' }).isProduction, true);
    for (const other of [undefined, '', 'development', 'test']) {
      assert.equal(parseConfig({ NODE_ENV: other }).isProduction, false, other);
    }
  });

  for (const [text, reason] of [
    ['prod', 'an abbreviation would leave the stricter defaults off without a word'],
    ['PRODUCTION', 'so would capitals'],
    ['constructor', 'what every object has is no value'],
  ] as const) {
    it(`refuses NODE_ENV=${text}: ${reason}`, () => {
      const line = `  NODE_ENV is "${text}"; expected one of production, development, test`;
      assert.equal(problemsIn({ NODE_ENV: text }), `Wrong settings:\n${line}`);
    });
  }

  it('names all of the problems in one error, a line for each, and nothing that is right', () => {
    const message = problemsIn({
      PORT: 'http',
      HOST: '256.0.0.1',
      CORS_ORIGIN: '*',
      MAX_BODY: '64kb',
      JWT_LEEWAY: '10 s',
      RATE_LIMIT: '600',
      CACHE_TTL: '60s',
      METRICS_TOKEN: 'has spaces',
    });
    assert.deepEqual(message.split('\n'), [
      'Wrong settings:',
      '  HOST is "256.0.0.1"; expected an address or a host name to listen on, without a port',
      '  PORT is "http"; expected an integer from 0 to 65535',
      '  MAX_BODY is "64kb"; expected bytes, like `65536` or `64KiB`, up to 16MiB',
      '  JWT_LEEWAY is "10 s"; expected seconds, or a duration like `90s`, `5m`, `12h`, `30d`',
      '  RATE_LIMIT is "600"; expected `<tokens>/<s, m, h, d or a duration>`, neither of them 0, or `off`',
      `  METRICS_TOKEN ${HIDDEN}; expected visible ASCII characters without spaces`,
    ]);
  });

  it('names misspelt ones beside those that are wrong, since they may be why', () => {
    assert.deepEqual(problemsIn({ PORT: 'http', JWT_LEWAY: '1s' }).split('\n').slice(1), [
      '  PORT is "http"; expected an integer from 0 to 65535',
      '  JWT_LEWAY is not a setting and has no effect; did you mean JWT_LEEWAY?',
    ]);
  });

  it('names every setting there is when all of them are wrong', () => {
    const wrong = settings.map(({ name, bad }) => [name, bad[0]?.[0]]);
    const lines = problemsIn(Object.fromEntries(wrong)).split('\n').slice(1);
    const named = lines.map((line) => line.trim().split(' ')[0]);
    assert.deepEqual(named.sort(), settings.map(({ name }) => name).sort());
  });

  it('shows no control character of a value as it is', () => {
    const message = problemsIn({ HOST: 'a\u001b[2J\r\nINJECTED' });
    assert.equal(message.split('\n')[1]?.includes('"a\\u001b[2J\\r\\nINJECTED"'), true);
  });

  for (const [name, value] of [
    ['JWT_SECRET_KEY', 'hunter2-one,,hunter2-two'],
    ['METRICS_TOKEN', 'hunter2 with spaces'],
    ['DATABASE_URL', 'postgres://jot:hunter2@db.example/jot'],
  ] as const) {
    it(`never shows the value of ${name}, which is a secret`, () => {
      assert.doesNotMatch(problemsIn({ [name]: value, PORT: 'x' }), /hunter2/);
    });
  }

  it('shows the value of a setting that is no secret', () => {
    assert.match(problemsIn({ HOST: 'not a host' }), /not a host/);
  });
});

describe('parseConfig: DATABASE_URL without its scheme', () => {
  const rows: readonly [text: string, meant: string | null, reason: string][] = [
    ['data/jot.jsonl', 'file:data/jot.jsonl', 'a path'],
    ['./x.jsonl', 'file:./x.jsonl', 'a path that says that it is one'],
    ['../notes/x', 'file:../notes/x', 'the same without an extension'],
    ['/var/lib/jot/data', 'file:/var/lib/jot/data', 'an absolute one'],
    ['file://data/jot.jsonl', 'file:data/jot.jsonl', 'two slashes, between which a host would stand'],
    ['memory', 'memory:', 'no colon'],
    [':memory:', 'memory:', 'as SQLite has it'],
    ['hunter2', null, 'a word, which may be a password'],
    ['hunter2/hunter2', null, 'two of them'],
    ['jot:hunter2@db.example/jot.db', null, 'a URL without its scheme'],
    ['//db.example/jot?password=hunter2.db', null, 'a password behind the question mark'],
    ['file://jot:hunter2@db.example/jot.jsonl', null, 'one in front of a host'],
    ['postgres://db.example/jot.db', null, 'another scheme'],
    ['~/jot.jsonl', null, 'what only a shell understands'],
    ['file:', null, 'no path at all'],
    ['//', null, 'nothing but slashes'],
  ];
  for (const [text, meant, reason] of rows) {
    it(`${meant === null ? 'guesses nothing' : `guesses ${meant}`} for ${text}: ${reason}`, () => {
      const guess = meant === null ? '' : `; did you mean \`${meant}\`?`;
      const message = problemsIn({ DATABASE_URL: text });
      assert.equal(
        message,
        `Wrong settings:\n  DATABASE_URL ${HIDDEN}; expected \`file:<path>\` or \`memory:\`${guess}`,
      );
      if (meant !== null) assert.equal(parseConfig({ DATABASE_URL: meant }).databaseUrl, meant);
    });
  }
});

describe('parseConfig: secrets that are too short', () => {
  const rows: readonly [text: string, isShort: boolean, reason: string][] = [
    ['x'.repeat(31), true, 'one byte is missing'],
    ['x'.repeat(32), false, 'exactly enough'],
    ['é'.repeat(16), false, '32 bytes of UTF-8, though only 16 characters'],
    ['é'.repeat(15), true, '30 bytes of UTF-8'],
    [`${LONG_SECRET},short`, true, 'the second one is too short: it verifies, so it can be guessed'],
    [`short,${LONG_SECRET}`, true, 'the first one is too short'],
    [`${LONG_SECRET},another ${LONG_SECRET}`, false, 'two that are long enough'],
  ];
  for (const [text, isShort, reason] of rows) {
    it(`${isShort ? 'refuses' : 'takes'} in production: ${reason}`, () => {
      const env = { NODE_ENV: 'production', JWT_SECRET_KEY: text };
      if (!isShort) {
        assert.deepEqual(parseConfig(env).secrets, text.split(','));
        assert.deepEqual(parseConfig(env).warnings, []);
        return;
      }
      assert.equal(
        problemsIn(env),
        'Wrong settings:\n' +
          `  JWT_SECRET_KEY ${HIDDEN}; expected secrets of 32 bytes or more, separated by commas`,
      );
    });

    it(`${isShort ? 'warns' : 'does not warn'} elsewhere: ${reason}`, () => {
      const { secrets, warnings } = parseConfig({ JWT_SECRET_KEY: text });
      assert.deepEqual(secrets, text.split(','));
      assert.deepEqual(warnings, isShort ? ['JWT_SECRET_KEY holds a secret under 32 bytes'] : []);
    });
  }

  it('has nothing to warn of where the keys are in the key file', () => {
    assert.deepEqual(parseConfig({}).warnings, []);
    assert.deepEqual(parseConfig({ NODE_ENV: 'production' }).warnings, []);
  });
});

// One of libuv's threads has to stay free of hashing, or the disk waits for passwords.
describe('parseConfig: HASH_CONCURRENCY and the size of the thread pool', () => {
  const hashesAtOnce = (env: Environment): Config['hashConcurrency'] => parseConfig(env).hashConcurrency;

  it('may be one below a larger pool, and no more', () => {
    assert.equal(hashesAtOnce({ UV_THREADPOOL_SIZE: '16', HASH_CONCURRENCY: '15' }), 15);
    const message = problemsIn({ UV_THREADPOOL_SIZE: '16', HASH_CONCURRENCY: '16' });
    assert.match(message, /HASH_CONCURRENCY is "16"; expected an integer from 1 to 15$/);
  });

  it('takes a pool size that is none as the usual four', () => {
    for (const size of ['', 'many', '-1', '1.5']) {
      assert.equal(hashesAtOnce({ UV_THREADPOOL_SIZE: size, HASH_CONCURRENCY: '3' }), 3, size);
      const message = problemsIn({ UV_THREADPOOL_SIZE: size, HASH_CONCURRENCY: '4' });
      assert.match(message, /expected an integer from 1 to 3$/);
    }
  });

  it('leaves a thread free by default in a pool of two as well', () => {
    assert.equal(hashesAtOnce({ UV_THREADPOOL_SIZE: '2' }), 1);
    assert.deepEqual(parseConfig({ UV_THREADPOOL_SIZE: '2' }).warnings, []);
  });

  it('warns of a pool of one, in which there is none to leave free', () => {
    assert.equal(hashesAtOnce({ UV_THREADPOOL_SIZE: '1' }), 1);
    const { warnings } = parseConfig({ UV_THREADPOOL_SIZE: '1' });
    assert.deepEqual(warnings, ['UV_THREADPOOL_SIZE=1 makes the disk wait for every password']);
  });
});

describe('parseConfig: what looks like a setting and is none', () => {
  const warned = (env: Environment) => parseConfig(env).warnings;

  it('is warned of, each with the setting that may be meant, and without its value', () => {
    assert.deepEqual(warned({ JWT_LEWAY: 'hunter2', MAX_CONECTIONS: '5', RATE_LIMIT_LOGINS: 'off' }), [
      'JWT_LEWAY is not a setting and has no effect; did you mean JWT_LEEWAY?',
      'MAX_CONECTIONS is not a setting and has no effect; did you mean MAX_CONNECTIONS?',
      'RATE_LIMIT_LOGINS is not a setting and has no effect; did you mean RATE_LIMIT_LOGIN?',
    ]);
    assert.deepEqual(warned({ JWT_SECRET: 'x'.repeat(32) }), [
      'JWT_SECRET is not a setting and has no effect; did you mean JWT_SECRET_KEY?',
    ]);
  });

  it('is warned of in lower case, and beside the setting that it is like', () => {
    assert.deepEqual(warned({ DATABASE_URL: 'memory:', DATABASEURL: 'hunter2', Database_Url: '' }), [
      'DATABASEURL is not a setting and has no effect; did you mean DATABASE_URL?',
      'Database_Url is not a setting and has no effect; did you mean DATABASE_URL?',
    ]);
  });

  it('is not what other programs have in the environment', () => {
    const foreign = [
      ...[
        'MAX_JOBS',
        'MAX_MEMORY',
        'CACHE_DIR',
        'CACHE_URL',
        'CACHE_HOST',
        'HASH_SEED',
        'HOSTNAME',
        'HOSTTYPE',
      ],
      ...['METRICS_PORT', 'PASSWORD_STORE_DIR', 'RATE_LIMITER', 'TRUST_STORE', 'JWT_ISSUER', 'NODE_OPTIONS'],
      ...[
        'LOGNAME',
        'PORTS',
        'PATH',
        'NODE_PATH',
        'UV_THREADPOOL_SIZE',
        'CORS_ORIGIN_REGEX',
        'MAX_BODY_SIZE_BYTES',
      ],
      ...['EXPLAIN_ALL', 'DATABASE_HOST', 'npm_config_cache', 'XDG_CACHE_HOME'],
    ];
    const common =
      'PORT_RANGE PORT0 LANG LC_ALL LANGUAGE TERM TERM_PROGRAM COLORTERM TZ HOME USER USERNAME SHELL SHLVL PWD OLDPWD ' +
      'MAIL EDITOR VISUAL PAGER LS_COLORS DISPLAY TMPDIR SSH_AUTH_SOCK SSH_CONNECTION DBUS_SESSION_BUS_ADDRESS HOST_IP ' +
      'XDG_RUNTIME_DIR INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID NOTIFY_SOCKET NODE_VERSION NODE_EXTRA_CA_CERTS ' +
      'NODE_DEBUG NODE_V8_COVERAGE YARN_VERSION npm_lifecycle_event npm_package_name CI DEBUG FORCE_COLOR NO_COLOR ' +
      'HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy LOG_LEVEL LOG_FORMAT LOG_DIR LOGS LOGLEVEL JWT_AUDIENCE ' +
      'JWT_ALGORITHM JWT_PUBLIC_KEY DATABASE_NAME DATABASE_USER DATABASE_PORT DATABASE_SSL DATABASE_DSN REDIS_URL ' +
      'KUBERNETES_PORT KUBERNETES_SERVICE_HOST WEB_CONCURRENCY CACHE_TYPE MAX_HEAP PASSWORD METRICS SECRET_KEY RATE';
    const env = Object.fromEntries([...foreign, ...common.split(' ')].map((name) => [name, '2']));
    assert.deepEqual(warned(env), []);
    const every = settings.map(({ name, good }) => [name, good[0]?.[0]]);
    const secret = { JWT_SECRET_KEY: 'x'.repeat(32) };
    assert.deepEqual(
      warned({ ...Object.fromEntries(every), ...secret, ...env }),
      [],
      'beside all settings neither',
    );
  });
});

describe('keyFilePath', () => {
  const rows: readonly [url: string, path: string | null, reason: string][] = [
    ['file:data/jot.jsonl', 'data/jot.keys.json', 'beside the data file'],
    ['file:/var/lib/jot/jot.jsonl', '/var/lib/jot/jot.keys.json', 'an absolute path'],
    ['file:///var/lib/jot/jot.jsonl', '/var/lib/jot/jot.keys.json', 'the same with an empty authority'],
    ['file:notes', 'notes.keys.json', 'another extension, or none, stays'],
    ['file:notes.jsonl.old', 'notes.jsonl.old.keys.json', 'only the end counts'],
    ['file:a.jsonl/b', 'a.jsonl/b.keys.json', 'a folder that is named like a data file'],
    ['memory:', null, 'nothing is kept, so no keys are'],
  ];
  for (const [url, path, reason] of rows) {
    it(`gives ${path} for ${url}: ${reason}`, () => assert.equal(keyFilePath(url), path));
  }
});

describe('keyFileOf', () => {
  it('gives the path beside the data, and none where the keys are a setting', () => {
    const databaseUrl = 'file:data/jot.jsonl';
    assert.equal(keyFileOf({ databaseUrl, secrets: [] }), 'data/jot.keys.json');
    assert.equal(keyFileOf({ databaseUrl, secrets: ['secret'] }), null);
    assert.equal(keyFileOf({ databaseUrl: 'memory:', secrets: [] }), null);
  });
});
