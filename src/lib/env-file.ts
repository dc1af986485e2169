// Reads a file of settings: `.env`, or the file that `--env-file` names. The environment takes
// precedence, since the file is for defaults. The obvious solution, Node's `parseEnv`, skips a line
// that is not a setting, on Node 20 together with the next line, and cuts a secret at its first
// `#`. bash and systemd's EnvironmentFile= interpret the same text differently. So this file
// accepts only the syntax on which all of them agree, and any other line stops the start:
//
// - A setting is `NAME=value`, without `export`. Spaces around the name and the value are dropped.
// - `#` begins a comment at the start of a line or after white space; elsewhere it is part of a
//   value. systemd accepts only comments on a line of their own.
// - A value with a quote, `$`, a backtick or `\` must be in single quotes, in which it is literal.
// - In double quotes, `'` is literal too. A quoted value may span lines.

import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import type { SettingProblem } from './errors.ts';

const PROBLEMS_MAX = 10;
const EXPECTED = '`NAME=value`, with the value in single quotes if it holds a quote, `$`, a backtick or `\\`';

/** Names and values as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvFile {
  /** The environment, plus the settings of the file that are missing in the environment. */
  readonly settings: Environment;
  /** An entry for each wrong line, at most ten. */
  readonly problems: readonly SettingProblem[];
}

/** Reads the file. A missing file is a problem only with `mustExist`. */
export function withEnvFile(path: string, environment: Environment, mustExist = false): EnvFile {
  try {
    const { values, problems } = parse(textOf(readFileSync(path)), path);
    return { settings: { ...values, ...environment }, problems };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !mustExist) return { settings: environment, problems: [] };
    return { settings: environment, problems: [{ name: path, expected: `a readable file: ${message}` }] };
  }
}

// Some editors write UTF-16, in which no line is a setting. Others write a byte order mark, which
// would become part of the first name.
function textOf(bytes: Buffer): string {
  if (!isUtf8(bytes) || bytes.includes(0)) throw new TypeError('it is not a text in UTF-8');
  return bytes
    .toString()
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n');
}

// A line may hold a secret, so a problem has the number of the line and not its text.
function parse(text: string, path: string) {
  const values: Record<string, string> = {};
  const problems: SettingProblem[] = [];
  const quoted = /'([^']*)'|"([^"`$\\]*)"/;
  const plain = /((?:[^\n"'`$\\#]|(?<![ \t])#)*)/;
  const setting = `([A-Za-z_]\\w*)[ \\t]*=[ \\t]*(?:${quoted.source}|${plain.source})[ \\t]*`;
  const entry = new RegExp(`[ \\t]*(?:${setting})?(?:(?<![^ \\t\\n])#.*)?(?:\\n|$)`, 'y');
  for (let start = 0, line = 1; start < text.length && problems.length < PROBLEMS_MAX; ) {
    entry.lastIndex = start;
    const found = entry.exec(text);
    const end = found === null ? text.indexOf('\n', start) + 1 || text.length : entry.lastIndex;
    const [, name, inSingle, inDouble, bare = ''] = found ?? [];
    if (found === null) problems.push({ name: `${path}, line ${line}`, expected: EXPECTED });
    else if (name !== undefined) values[name] = inSingle ?? inDouble ?? bare.replace(/[ \t]+$/, '');
    line += text.slice(start, end).split('\n').length - 1;
    start = end;
  }
  return { values, problems };
}
