// The rate limits, each declared once. Added by hand, a limit would be an edit in the settings, the
// buckets, the RateLimit headers, the gauges and the documentation of 429. All of these follow from
// its declaration here, and an endpoint names the limits that it is charged to.

type RateText = `${number}/${string}` | 'off';

export interface LimitDeclaration {
  /** Default rate, in the syntax of its setting. */
  readonly rate: RateText;
  /** Default rate in production, if it differs. */
  readonly rateInProduction?: RateText;
  /**
   * Key of the bucket. For `caller`, the user if the token is valid, else the address. A site is an
   * IPv4 address or an IPv6 network of 48 bits, which a single attacker can own.
   */
  readonly charges: 'caller' | 'address' | 'site' | 'failed logins';
  readonly description: string;
}

export const limits = {
  default: {
    rate: '600/m',
    charges: 'caller',
    description: 'API requests, per user, or per address without a token; or `off`',
  },
  auth: {
    rate: '60/m',
    charges: 'address',
    description: 'Requests that sign up, sign in, refresh or change a user, per address; or `off`',
  },
  signup: {
    rate: 'off',
    rateInProduction: '10/h',
    charges: 'site',
    description: 'Requests that sign up, per site; `10/h` in production; or `off`',
  },
  login: {
    rate: '10/15m',
    charges: 'failed logins',
    description: 'Failed logins, per username and address, and tenfold per username; or `off`',
  },
} as const satisfies Readonly<Record<string, LimitDeclaration>>;

export type LimitName = keyof typeof limits;

/** The limits that an endpoint can name. Failed logins are charged by the login guard instead. */
export type RequestLimit = {
  [Name in LimitName]: (typeof limits)[Name]['charges'] extends 'failed logins' ? never : Name;
}[LimitName];

export const limitNames = Object.keys(limits) as LimitName[];

/** Returns the name of the setting that holds the rate of a limit. */
export function rateSetting(name: LimitName): string {
  return name === 'default' ? 'RATE_LIMIT' : `RATE_LIMIT_${name.toUpperCase()}`;
}
