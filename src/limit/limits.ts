// The rate limits, each declared once. A declaration leads to a setting, to buckets, to the RateLimit
// headers, to a gauge and to the 429 in the documentation; an endpoint names the limits that it is
// charged to. Without it, a new limit would be an edit in each of those places.

interface LimitDeclaration {
  /** Default rate, as its setting would have it. */
  readonly rate: `${number}/${string}` | 'off';
  /** The owner of the bucket; a caller is the user, or else the address. */
  readonly charges: 'caller' | 'address' | 'failed logins';
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
    description: 'Requests that sign up, sign in or refresh, per address; or `off`',
  },
  login: {
    rate: '10/15m',
    charges: 'failed logins',
    description: 'Failed logins, per username and address, and tenfold per username; or `off`',
  },
} as const satisfies Readonly<Record<string, LimitDeclaration>>;

export type LimitName = keyof typeof limits;

/** The limits that an endpoint can name; the login guard charges failed logins by itself. */
export type RequestLimit = {
  [Name in LimitName]: (typeof limits)[Name]['charges'] extends 'failed logins' ? never : Name;
}[LimitName];

export const limitNames = Object.keys(limits) as LimitName[];

/** Returns the name of the setting that holds the rate of a limit. */
export function rateSetting(name: LimitName): string {
  return name === 'default' ? 'RATE_LIMIT' : `RATE_LIMIT_${name.toUpperCase()}`;
}
