// The settings of the server: each is declared once, with its name, default and kind, and parsed
// into a Config. The obvious solution, `process.env` wherever a setting is used, finds a typo only
// when that code runs.

import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { isShort, SECRET_BYTES_MIN, secretList } from './auth/keys.ts';
import { type Cost, DEFAULT_COST, parseCost } from './auth/password.ts';
import type { TokenSettings } from './auth/tokens.ts';
import { TrustedProxies } from './http/address.ts';
import { basePath } from './http/base-path.ts';
import { origins } from './http/cors.ts';
import type { Environment } from './lib/env-file.ts';
import type { SettingProblem } from './lib/errors.ts';
import { HEAP_BYTES } from './lib/heap.ts';
import type { LogFormat } from './lib/log.ts';
import { bytes, duration, integer, listOf, oneOf, type Setting } from './lib/setting.ts';
import {
  type Declare,
  type ParsedSettings,
  parseSettings,
  type Settings,
  settingText,
} from './lib/settings.ts';
import { parseRate, type Rate, type Rates } from './limit/limiter.ts';
import { type LimitDeclaration, limitNames, limits, rateSetting } from './limit/limits.ts';
import { type Capacity, DEFAULT_CAPACITY, STORE_BYTES_LIMIT } from './store/capacity.ts';
import { filePath } from './store/open.ts';

// A form that consists of U+0001 is six times as long in JSON, and a single wide character doubles
// its memory. At this size, no event-loop turn takes more than 30 ms
// (`npm run bench -- --only turns`).
const BODY_BYTES_LIMIT = 512 * 1024;
const USER_BYTES_DEFAULT = 64 * 1024 * 1024;
const CONNECTIONS_LIMIT = 1_000_000;
const METRICS_TOKEN_LENGTH_MIN = 16;
const LEEWAY_MS_MAX = 3_600_000;
// Of libuv's thread pool.
const POOL_SIZE_DEFAULT = 4;
const POOL_SIZE_MAX = 1024;
const ONE_THREAD = 'UV_THREADPOOL_SIZE leaves one thread, so disk access waits for every password hash';
// Variables that Node and libuv read before this program runs.
const READ_BY_NODE = ['NODE_OPTIONS', 'UV_THREADPOOL_SIZE'];
const NO_PROXIES = new TrustedProxies([]);
// Two, but no more than there are processors: what a second one gains for the logins there, the requests lose.
const HASHES_DEFAULT = Math.min(2, availableParallelism());

export type { Environment } from './lib/env-file.ts';
export type { Settings } from './lib/settings.ts';

export type Config = Readonly<ReturnType<typeof declareSettings>> & {
  /** Mistakes that do not prevent the start. */
  readonly warnings: readonly string[];
  readonly settings: ParsedSettings<unknown>['declared'];
};

/**
 * @param environment Environment of the process, which has the variables that libuv reads.
 * @param found Problems of a file of settings, which are reported with those of the values.
 * @throws JotError `validation_failed`, whose message has a line for each wrong setting.
 */
export function parseConfig(
  given: Settings,
  environment: Environment = process.env,
  found: readonly SettingProblem[] = [],
): Config {
  const threads = poolSize(environment);
  const declareAll = (setting: Declare) => declareSettings(setting, Math.max(1, threads - 1));
  const { values, declared, misspelt } = parseSettings(given, declareAll, found);
  const warnings = READ_BY_NODE.filter((name) => isOnlyGiven(name, given, environment)).map(
    (name) => `${name} has no effect in .env or in the settings of a program; set it in the environment`,
  );
  if (values.secrets.some(isShort)) {
    warnings.push(`JWT_SECRET_KEY holds a secret under ${SECRET_BYTES_MIN} bytes`);
  }
  if (threads === 1) warnings.push(ONE_THREAD);
  return { ...values, settings: declared, warnings: [...warnings, ...misspelt] };
}

function declareSettings(setting: Declare, hashesMax: number) {
  const isProduction = setting('NODE_ENV', false, nodeEnv, 'Stricter defaults and JSON logs if `production`');
  return {
    isProduction,
    host: setting('HOST', '127.0.0.1', host, 'Address to listen on; `0.0.0.0` for every address'),
    port: setting('PORT', 3000, integer(0, 65_535), 'Port to listen on; 0 for any free port'),
    basePath: setting(
      'BASE_PATH',
      '',
      basePath,
      'Path that a proxy strips, such as `/api`; Jot prepends it to its own paths',
    ),
    databaseUrl: setting('DATABASE_URL', 'file:data/jot.jsonl', databaseUrl, '`file:<path>` or `memory:`'),
    capacity: declareCapacity(setting),
    bodyBytesMax: setting('MAX_BODY', 64 * 1024, bytes(BODY_BYTES_LIMIT), 'Maximum size of a request body'),
    connectionsMax: setting(
      'MAX_CONNECTIONS',
      10_000,
      integer(1, CONNECTIONS_LIMIT),
      'Maximum open connections; lowered if `ulimit -n` or the heap allows fewer',
    ),
    corsOrigin: setting('CORS_ORIGIN', [], origins, 'Origins whose pages may use the API; or `*`'),
    trustProxy: setting('TRUST_PROXY', NO_PROXIES, proxies, 'Proxies whose `X-Forwarded-For` is trusted'),
    explain: setting('EXPLAIN', !isProduction, onOff, '`Server-Timing` header; `off` in production'),
    logFormat: setting(
      'LOG',
      isProduction ? 'json' : 'text',
      logFormat,
      '`json`, `text` or `off`; `json` in production',
    ),
    authPrefixes: setting('JWT_AUTH_HEADER_PREFIX', ['JWT', 'Bearer'], schemes, 'Schemes of `Authorization`'),
    secrets: setting('JWT_SECRET_KEY', [], secretList(isProduction), 'Secrets: the first signs, all verify'),
    tokens: declareTokens(setting),
    refreshReuseLeewayMs: setting(
      'JWT_REFRESH_REUSE_LEEWAY',
      10_000,
      duration(0),
      'Time in which a spent refresh token returns the same pair; 0 for none',
    ),
    signup: setting('SIGNUP', true, onOff, 'Whether anyone may sign up; if `off`, use `jot user create`'),
    passwordLengthMin: setting(
      'PASSWORD_MIN_LENGTH',
      isProduction ? 8 : 1,
      integer(1, 256),
      'Minimum length in characters; `8` in production',
    ),
    passwordCost: setting('PASSWORD_COST', DEFAULT_COST, cost, 'Cost of scrypt; a login renews older hashes'),
    hashConcurrency: setting(
      'HASH_CONCURRENCY',
      Math.min(HASHES_DEFAULT, hashesMax),
      integer(1, hashesMax),
      "Maximum concurrent password hashes; must be smaller than libuv's pool",
    ),
    rates: Object.fromEntries(
      limitNames.map((name) => {
        const { rate: text, rateInProduction = text, description }: LimitDeclaration = limits[name];
        const fallback = parseRate(isProduction ? rateInProduction : text);
        return [name, setting(rateSetting(name), fallback, rate, description)];
      }),
    ) as Rates,
    cacheTtlMs: setting('CACHE_TTL', 60_000, cacheTtl, 'Lifetime of cached lists; or `off`'),
    metricsToken: setting(
      'METRICS_TOKEN',
      null,
      metricsToken(isProduction),
      'Bearer token that `/metrics` requires',
    ),
  };
}

function declareTokens(setting: Declare): TokenSettings {
  const expirationMs = setting('JWT_EXPIRATION_DELTA', 300_000, duration(1), 'Lifetime of an access token');
  return {
    expirationMs,
    notBeforeMs: setting(
      'JWT_NOT_BEFORE_DELTA',
      0,
      duration(0, expirationMs - 1, ', less than JWT_EXPIRATION_DELTA'),
      'Time until an access token is valid',
    ),
    leewayMs: setting(
      'JWT_LEEWAY',
      10_000,
      duration(0, LEEWAY_MS_MAX, ', at most `1h`'),
      'Tolerated difference between clocks; 0 for none',
    ),
    refreshExpirationMs: setting(
      'JWT_REFRESH_EXPIRATION_DELTA',
      30 * 86_400_000,
      duration(1),
      'Lifetime of a refresh token',
    ),
  };
}

function declareCapacity(setting: Declare): Capacity {
  const storeBytes = setting(
    'STORE_BYTES_MAX',
    DEFAULT_CAPACITY.bytes,
    bytes(STORE_BYTES_LIMIT),
    "Maximum memory of all stored rows; half of V8's heap",
  );
  return {
    ...DEFAULT_CAPACITY,
    bytes: storeBytes,
    bytesPerUser: setting(
      'USER_BYTES_MAX',
      Math.min(USER_BYTES_DEFAULT, Math.floor(storeBytes / 4)),
      bytes(HEAP_BYTES),
      "Maximum memory of a user's posts; a quarter of `STORE_BYTES_MAX` if that is less",
    ),
    rowsPerUser: {
      posts: setting('USER_POSTS_MAX', 100_000, integer(1, DEFAULT_CAPACITY.rows), 'Maximum posts of a user'),
    },
  };
}

/**
 * Returns the path of the key file, next to the data file; null if the keys are a setting, or the
 * store is in memory.
 */
export function keyFileOf({ secrets, databaseUrl }: Pick<Config, 'secrets' | 'databaseUrl'>): string | null {
  if (secrets.length > 0) return null;
  return filePath(databaseUrl)?.replace(/(\.jsonl)?$/, '.keys.json') ?? null;
}

/** Returns the format of the log, even if other settings are wrong. */
export function logFormatOf({ LOG, NODE_ENV }: Settings): LogFormat {
  const isProduction = nodeEnv.read(settingText(NODE_ENV) ?? '') ?? false;
  return logFormat.read(settingText(LOG) ?? '') ?? (isProduction ? 'json' : 'text');
}

// The word that switches the stricter defaults on must not be misspelt without a word.
const nodeEnv: Setting<boolean> = oneOf({ production: true, development: false, test: false });

const onOff: Setting<boolean> = oneOf({ on: true, off: false });

const logFormat: Setting<LogFormat> = oneOf({ json: 'json', text: 'text', off: 'off' });

// Whether there is such a host is found out by listening. A number is no name: `0` would mean every address.
const host: Setting<string> = {
  read: (text) => (isIP(text) !== 0 || /^(?![\d.]+$)[\w.-]+$/.test(text) ? text : undefined),
  expected: 'an address or a host name to listen on, without a port',
};

const databaseUrl: Setting<string> = {
  read: (text) => (text === 'memory:' || filePath(text) !== null ? text : undefined),
  expected: '`file:<path>` or `memory:`; the path of a file, percent-encoded if absolute',
  // A database's URL may hold a password.
  isSecret: true,
};

const proxies: Setting<TrustedProxies> = {
  read: (text) => {
    try {
      return new TrustedProxies(text.split(',').map((entry) => entry.trim()));
    } catch {
      return undefined;
    }
  },
  expected: 'addresses and networks like `10.0.0.0/8` separated by commas',
};

const schemes: Setting<readonly string[]> = {
  read: (text) => listOf(text, (entry) => /^[\w!#$%&'*+.^|~-]+$/.test(entry)),
  expected: 'authentication schemes separated by commas',
};

const cost: Setting<Cost> = {
  read: (text) => parseCost(text) ?? undefined,
  expected: 'a scrypt cost like `ln=14,r=8,p=5`, with N · r · p of at most 2^21',
};

const rate: Setting<Rate | null> = {
  read: (text) => (text === 'off' ? null : (parseRate(text) ?? undefined)),
  expected: '`<tokens>/<s, m, h, d or a duration>`, neither of them 0, or `off`',
};

const cacheTtl: Setting<number | null> = {
  read: (text) => (text === 'off' ? null : duration(1).read(text)),
  expected: 'a duration of more than 0 or `off`',
};

function metricsToken(isProduction: boolean): Setting<string | null> {
  const lengthMin = isProduction ? METRICS_TOKEN_LENGTH_MIN : 1;
  return {
    read: (text) => (/^[\x21-\x7e]+$/.test(text) && text.length >= lengthMin ? text : undefined),
    expected: `${isProduction ? `${lengthMin} or more ` : ''}visible ASCII characters without spaces`,
    isSecret: true,
  };
}

// libuv's threads also serve the disk: at least one must stay free of hashing. libuv reads the
// variable with atoi(3), as an unsigned number, and treats 0 as 1.
function poolSize({ UV_THREADPOOL_SIZE: text }: Environment): number {
  if (text === undefined) return POOL_SIZE_DEFAULT;
  const size = Number.parseInt(text, 10) || 1;
  return size < 0 ? POOL_SIZE_MAX : Math.min(size, POOL_SIZE_MAX);
}

function isOnlyGiven(name: string, given: Settings, environment: Environment): boolean {
  return given[name] !== undefined && settingText(given[name]) !== environment[name]?.trim();
}
