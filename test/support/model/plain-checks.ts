// What a request has to look like, said a second time and as plainly as possible: the half of the model that keeps nothing.

/** A request as it goes out. Header names are in lower case. */
export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What else there is to say of an error; the description only where the contract has words for it. */
export interface RefusalDetails {
  readonly description?: string;
  readonly fields?: readonly string[];
  readonly allow?: readonly string[];
}

/** An error answer. */
export class Refused extends Error {
  readonly status: number;
  readonly error: string;
  readonly details: RefusalDetails;

  constructor(status: number, error: string, details: RefusalDetails = {}) {
    super(error);
    this.status = status;
    this.error = error;
    this.details = details;
  }
}

export interface ListQuery {
  readonly limit: number;
  readonly after: number;
  readonly order: 'asc' | 'desc';
}

type Given = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const DEFAULT_LIST: ListQuery = { limit: 50, after: 0, order: 'asc' };
const lengthOf = (text: string) => [...text].length;

export const isTitle: Check = (value) => isBody(value) && lengthOf(value as string) <= 200 && value !== '';
export const isBody: Check = (value) => typeof value === 'string' && value.isWellFormed();

export const isUsername: Check = (value) => {
  if (typeof value !== 'string' || !value.isWellFormed() || /\p{Cc}/u.test(value)) return false;
  const length = lengthOf(value.normalize('NFC'));
  return length >= 1 && length <= 64 && value.trim() === value;
};

export const isPassword: Check = (value) => {
  if (typeof value !== 'string' || !value.isWellFormed() || value.includes('\0')) return false;
  return value !== '' && Buffer.byteLength(value.normalize('NFC')) <= 1024;
};

/** The fields, all of which have to be there and right. */
export function requireAll<Name extends string>(
  given: Given,
  checks: Record<Name, Check>,
): Record<Name, string> {
  const bad = (Object.keys(checks) as Name[]).filter((name) => !checks[name](given[name]));
  if (bad.length > 0) throw invalid(bad);
  return given as Record<Name, string>;
}

/** The fields that are there, which have to be right; none is too few. */
export function requireSome<Name extends string>(
  given: Given,
  checks: Record<Name, Check>,
): Partial<Record<Name, string>> {
  const names = Object.keys(checks) as Name[];
  const present = names.filter((name) => Object.hasOwn(given, name));
  if (present.length === 0) throw invalid(names);
  const bad = present.filter((name) => !checks[name](given[name]));
  if (bad.length > 0) throw invalid(bad);
  return Object.fromEntries(present.map((name) => [name, given[name]])) as Partial<Record<Name, string>>;
}

export function readBody({ headers, body }: Asked): Given {
  if (body === undefined) return {};
  const type = headers['content-type'];
  if (type === 'application/x-www-form-urlencoded') return Object.fromEntries(new URLSearchParams(body));
  if (type !== 'application/json') throw new Refused(415, 'Unsupported Media Type');
  const content = parse(body);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) throw badRequest();
  return content as Given;
}

export function readListQuery({ path }: Asked): ListQuery {
  const query = new URLSearchParams(path.split('?')[1] ?? '');
  const isNumber = (text: string, min: number, max: number) =>
    /^(0|[1-9]\d*)$/.test(text) && Number(text) >= min && Number(text) <= max;
  const checks: Record<keyof ListQuery, (text: string) => boolean> = {
    limit: (text) => isNumber(text, 1, 200),
    after: (text) => isNumber(text, 0, Number.MAX_SAFE_INTEGER),
    order: (text) => text === 'asc' || text === 'desc',
  };
  const names = Object.keys(checks) as (keyof ListQuery)[];
  const bad = names.filter((name) => {
    const values = query.getAll(name);
    return values.length > 1 || !values.every(checks[name]);
  });
  if (bad.length > 0) throw invalid(bad);
  return {
    limit: Number(query.get('limit') ?? DEFAULT_LIST.limit),
    after: Number(query.get('after') ?? DEFAULT_LIST.after),
    order: query.get('order') === 'desc' ? 'desc' : 'asc',
  };
}

/** A page of rows that are in ascending order, and the query of the next one. */
export function pageOf<Row extends { readonly id: number }>(
  all: readonly Row[],
  { limit, after, order }: ListQuery = DEFAULT_LIST,
): { rows: readonly Row[]; next: ListQuery | null } {
  const ordered = order === 'asc' ? all : all.toReversed();
  const rest = ordered.filter(({ id }) => after === 0 || (order === 'asc' ? id > after : id < after));
  const rows = rest.slice(0, limit);
  const last = rows.at(-1);
  const hasMore = rest.length > rows.length && last !== undefined;
  return { rows, next: hasMore ? { limit, after: last.id, order } : null };
}

export function timeText(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '-0000');
}

function invalid(fields: readonly string[]): Refused {
  return new Refused(400, 'Bad Request', { fields });
}

function badRequest(): Refused {
  return new Refused(400, 'Bad Request');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest();
  }
}
