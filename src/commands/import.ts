// `jot import`: reads what `jot export` printed into a store that is empty, all of it or nothing. What it reads may have been
// edited, or made by another program, so nothing in it is believed: every row is checked, and against the others.

import { stat } from 'node:fs/promises';
import { DEFAULT_COST, decoy, isHash } from '../auth/password.ts';
import { JotError } from '../lib/errors.ts';
import { ignoreMissing } from '../lib/file-access.ts';
import { username } from '../resources/credentials.ts';
import { postFields } from '../resources/posts.ts';
import { type Type, validate } from '../schema/schema.ts';
import { type CollectionName, collectionNames, type Entity, type Id } from '../store/collections.ts';
import { fillDataFile } from '../store/file/offline.ts';
import { isNextId } from '../store/file/record.ts';
import type { Tables } from '../store/memory/tables.ts';
import { misfitsIn, validateRow } from '../store/validate-rows.ts';
import { type Command, dataFileOf, parseArguments, print, UsageError } from './command.ts';
import { EXPORT_FORMAT, EXPORT_VERSION } from './export.ts';
import { type Item, readItems } from './json-items.ts';
import { withProgress } from './progress.ts';
import { countsOf, firstOf, rowsOf } from './report.ts';
import { reportWhere } from './running-server.ts';

const PROBLEMS_SHOWN_MAX = 20;
const NAME_LENGTH_MAX = 60;
/** In bytes, as much as it takes to know what npm prints. */
const BEGINNING_LENGTH = 8;

/** A text that anybody gave, held to what the API takes: whatever an export brings, answers have to be able to show it. */
const TEXTS: Readonly<Partial<Record<CollectionName, Readonly<Record<string, Type<string>>>>>> = {
  users: { username },
  posts: postFields.fields,
};

/** A member that an export has. */
interface Member {
  /** What it must be. */
  readonly expected: string;
  /** Takes it, or an item of it where it is a list; false: it is something else. */
  readonly take: (value: unknown, isOfList: boolean) => boolean;
}

export const importRows: Command = {
  name: 'import',
  summary: 'read what `jot export` printed, from standard input, into an empty store',
  details: `jot import < export.json. Stop the server first. The data file is the one that DATABASE_URL names; it is made if it is not
there, and refused if there are rows in it. Every row is checked. All of them are imported or, where one is wrong, none:
then the file is as it was, and each problem has a line. Users without a password hash cannot sign in.`,
  async run(world, args) {
    const { positionals } = parseArguments(args, [], 1);
    const { stdin, stdout } = world;
    if (stdin.isTTY || positionals.length > 0)
      throw new UsageError('an import is read from standard input: jot import < export.json');
    const path = dataFileOf(world, []);
    const isNew = (await stat(path).catch(ignoreMissing)) === undefined;
    const counts = await withProgress(world, `importing into ${path}`, async (onProgress) => {
      let report = '';
      const fill = async (tables: Tables) => {
        report = await importInto(tables, stdin);
      };
      await fillDataFile(path, fill, { onProgress });
      return report;
    });
    reportWhere(world, { kind: 'data', path, server: null, isNew });
    await print(stdout, `${path}: ${counts}\n`);
    return 0;
  },
};

/** @throws JotError `bad_request` or `validation_failed`, with a line for each problem. */
async function importInto(tables: Tables, bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const importer = new Importer(tables);
  for await (const item of readItems(readable(bytes))) importer.take(item);
  importer.finish();
  const { withoutPassword } = importer;
  const note =
    withoutPassword > 0 ? `; ${rowsOf(withoutPassword, 'users')} without a password, who cannot sign in` : '';
  return `${countsOf(tables)} imported${note}`;
}

// What can't be read here has nothing to do with the data file, which others would take for the culprit.
async function* readable(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let beginning = '';
  try {
    for await (const piece of bytes) {
      if (beginning.length < BEGINNING_LENGTH)
        beginning += Buffer.from(piece.subarray(0, BEGINNING_LENGTH)).toString('latin1');
      requireNoBanner(beginning);
      yield piece;
    }
  } catch (cause) {
    if (cause instanceof JotError) throw cause;
    const reason = (cause as Error).message;
    throw new JotError('unavailable', `Standard input can't be read: ${reason}`, { cause });
  }
  if (beginning === '') throw new JotError('bad_request', 'There is nothing on standard input');
}

// `npm run`, if nothing stops it, prints an empty line and then what it runs.
function requireNoBanner(beginning: string): void {
  if (!/^\s*> /.test(beginning)) return;
  throw new JotError(
    'bad_request',
    'It begins with lines that npm printed; export with "npm run -s jot -- export"',
  );
}

class Importer {
  readonly #tables: Tables;
  readonly #problems: string[] = [];
  #problemCount = 0;
  /** How many rows there were of each collection. */
  readonly #counts = new Map<CollectionName, number>();
  readonly #idsMax = new Map<CollectionName, Id>();
  readonly #next = new Map<CollectionName, Id>();
  /** The members that there were, and were right. */
  readonly #seen = new Set<string>();
  readonly #members: ReadonlyMap<string, Member>;
  withoutPassword = 0;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#members = new Map([
      ['format', constant(EXPORT_FORMAT)],
      ['version', constant(EXPORT_VERSION)],
      ['next', { expected: 'an object', take: (value, isOfList) => !isOfList && this.#takeNext(value) }],
      ...collectionNames.map((name) => [name, this.#list(name)] as const),
    ]);
  }

  take({ key, value, isOfList }: Item): void {
    const member = this.#members.get(key);
    if (member === undefined) this.#note(`unknown field ${quoted(key)}`);
    else if (member.take(value, isOfList)) this.#seen.add(key);
    else if (key === 'format') throw notAnExport();
    else this.#note(`${quoted(key)} must be ${member.expected}`);
  }

  finish(): void {
    if (!this.#seen.has('format')) throw notAnExport();
    if (!this.#seen.has('version')) this.#note(`it does not say that its "version" is ${EXPORT_VERSION}`);
    // What is wrong so far can be why a row has no owner, so only without it that is worth saying.
    const names = this.#problemCount === 0 ? collectionNames : [];
    for (const name of names) this.#checkRowsOf(name);
    if (this.#problemCount === 0) return;
    const shown = firstOf(this.#problems, PROBLEMS_SHOWN_MAX, this.#problemCount);
    const lines = shown.map((problem) => `\n  ${problem}`);
    throw new JotError('validation_failed', `Nothing was imported:${lines.join('')}`);
  }

  // Of a file that is wrong throughout, only what is shown is kept.
  #note(problem: string): void {
    this.#problemCount++;
    if (this.#problems.length < PROBLEMS_SHOWN_MAX) this.#problems.push(problem);
  }

  #checkRowsOf(name: CollectionName): void {
    const [next, idMax] = [this.#next.get(name), this.#idsMax.get(name) ?? 0];
    if (next !== undefined && next <= idMax) {
      this.#note(`"next" of ${quoted(name)} is ${next}, and there is a row with the id ${idMax}`);
    }
    for (const { row, reason } of misfitsIn(this.#tables, name)) {
      this.#note(`${name}, id ${row.id}: ${reason}`);
    }
  }

  #list(name: CollectionName): Member {
    const take = (value: unknown, isOfList: boolean) => {
      if (isOfList) this.#takeRow(name, value);
      return isOfList || (Array.isArray(value) && value.length === 0);
    };
    return { expected: 'a list', take };
  }

  #takeRow(name: CollectionName, value: unknown): void {
    const number = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, number);
    try {
      if (!isObject(value)) throw new JotError('validation_failed', 'it is not an object');
      const row = withTexts(value, TEXTS[name] ?? {});
      this.#put(name, validateRow(name, name === 'users' ? this.#withHash(row) : row));
    } catch (error) {
      if (!(error instanceof JotError)) throw error;
      this.#note(`${name}, number ${number}: ${error.message}`);
    }
  }

  #put(name: CollectionName, row: Entity): void {
    if (this.#tables.find(name, row.id) !== undefined) {
      throw new JotError('conflict', `there is another row with the id ${row.id}`);
    }
    this.#tables.apply([[{ put: name, row }]]);
    this.#idsMax.set(name, Math.max(row.id, this.#idsMax.get(name) ?? 0));
  }

  // A login has to be able to read what is stored, so hashes are held to what a signup makes.
  #withHash(user: Readonly<Record<string, unknown>>): object {
    if (user.password_hash === undefined) {
      this.withoutPassword++;
      return { ...user, password_hash: decoy(DEFAULT_COST) };
    }
    const isUsable = typeof user.password_hash === 'string' && isHash(user.password_hash);
    if (!isUsable)
      throw new JotError('validation_failed', '"password_hash" must be a scrypt hash in PHC format');
    return user;
  }

  #takeNext(value: unknown): boolean {
    if (!isObject(value)) return false;
    for (const [name, next] of Object.entries(value)) {
      if (!isCollection(name)) this.#note(`unknown field ${quoted(name)} in "next"`);
      else if (!isNextId(next)) this.#note(`"next" of ${quoted(name)} must be a positive integer`);
      else this.#setNext(name, next);
    }
    return true;
  }

  #setNext(name: CollectionName, next: Id): void {
    this.#next.set(name, next);
    this.#tables.reserveIds(name, next);
  }
}

// What else is wrong with it says nothing then.
function notAnExport(): JotError {
  const reason = `its "format" is not "${EXPORT_FORMAT}"`;
  return new JotError('validation_failed', `This is not what "jot export" printed: ${reason}`);
}

function constant(value: string | number): Member {
  return { expected: JSON.stringify(value), take: (given, isOfList) => given === value && !isOfList };
}

function withTexts(row: object, types: Readonly<Record<string, Type<string>>>): Record<string, unknown> {
  const checked: Record<string, unknown> = { ...row };
  for (const [field, type] of Object.entries(types)) {
    const given = checked[field];
    if (typeof given === 'string') checked[field] = checkText(field, type, given);
  }
  return checked;
}

function checkText(field: string, type: Type<string>, given: string): string {
  try {
    return validate(type, given);
  } catch (error) {
    const problem = error instanceof JotError ? error.details.fields?.[''] : undefined;
    if (problem === undefined) throw error;
    throw new JotError('validation_failed', `"${field}" ${problem}`);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// What is quoted comes from the file, so it may be of any length.
function quoted(name: string): string {
  return JSON.stringify(name.length > NAME_LENGTH_MAX ? `${name.slice(0, NAME_LENGTH_MAX)}…` : name);
}

function isCollection(name: string): name is CollectionName {
  return collectionNames.some((each) => each === name);
}
