// The file `.env` in the working directory: settings for whoever does not want to type them each time. The environment wins,
// since a file is for defaults. Where a setting came from is kept beside them: nobody finds a typo in a file that they have
// forgotten. Node reads the file; what it passes over without a word, lines that are no settings, is looked for here.

import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { JotError } from './errors.ts';

/** Where an environment says what of it is from the file. */
export const FROM_FILE = Symbol('from .env');

export interface FromFile {
  readonly names: ReadonlySet<string>;
  /** What is odd in the file. */
  readonly warnings: readonly string[];
}

/** Names and values as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>> & { readonly [FROM_FILE]?: FromFile };

/** @throws JotError `unavailable` for a file that is there and can't be read. */
export function withEnvFile(path: string, environment: Environment): Environment {
  const text = readIfThere(path);
  if (text === null) return environment;
  const settings = parseEnv(text);
  const names = new Set(Object.keys(settings).filter((name) => environment[name] === undefined));
  return { ...settings, ...environment, [FROM_FILE]: { names, warnings: warningsOf(text) } };
}

function readIfThere(path: string): string | null {
  try {
    return textOf(readFileSync(path));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new JotError('unavailable', `Can't read .env: ${message}`, { cause });
  }
}

// Some editors write UTF-16, or a byte order mark, which would become part of the first name. What is no text would be no settings,
// and the stricter defaults would be off without a word.
function textOf(bytes: Buffer): string {
  if (!isUtf8(bytes) || bytes.includes(0)) throw new TypeError('it is not a text in UTF-8');
  return bytes.toString().replace(/^\uFEFF/, '');
}

// A value in quotes may have lines of its own. What is in a line may be a secret, so it is not shown.
function warningsOf(text: string): string[] {
  const unquoted = text.replace(/^[^=#\n]*=[ \t]*(["'`])[\s\S]*?\1/gm, (value) => value.replace(/.+/g, '='));
  return unquoted.split('\n').flatMap((line, index) => {
    const isOdd = !/^\s*(?:#|$)/.test(line) && !line.includes('=');
    return isOdd ? [`.env, line ${index + 1} is not a setting and has no effect: there is no "=" in it`] : [];
  });
}
