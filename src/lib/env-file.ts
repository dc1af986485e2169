// The file `.env` in the working directory: settings that need not be typed at each start. The
// environment takes precedence, since the file is for defaults. A typo in a forgotten file is hard
// to find, so the names of the settings from the file are kept, and errors name the file.
// `parseEnv` silently skips lines that are not settings; here they cause a warning.

import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { JotError } from './errors.ts';

/** Key under which an environment holds what came from the file. */
export const FROM_FILE = Symbol('from .env');

export interface FromFile {
  readonly names: ReadonlySet<string>;
  /** Lines of the file that have no effect. */
  readonly warnings: readonly string[];
}

/** Names and values as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>> & { readonly [FROM_FILE]?: FromFile };

/**
 * Returns the environment; settings that it lacks come from the file.
 *
 * @throws JotError `unavailable` if the file exists but cannot be read.
 */
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
    throw new JotError('unavailable', `Cannot read .env: ${message}`, { cause });
  }
}

// Some editors write UTF-16, in which no line is a setting, so the stricter defaults of production
// would silently be off. Others write a byte order mark, which would become part of the first name.
function textOf(bytes: Buffer): string {
  if (!isUtf8(bytes) || bytes.includes(0)) throw new TypeError('it is not a text in UTF-8');
  return bytes.toString().replace(/^\uFEFF/, '');
}

// A quoted value may span lines. A line may hold a secret, so it is not quoted in the warning.
function warningsOf(text: string): string[] {
  const unquoted = text.replace(/^[^=#\n]*=[ \t]*(["'`])[\s\S]*?\1/gm, (value) => value.replace(/.+/g, '='));
  return unquoted.split('\n').flatMap((line, index) => {
    const isOdd = !/^\s*(?:#|$)/.test(line) && !line.includes('=');
    return isOdd ? [`.env, line ${index + 1} is not a setting and has no effect: there is no "=" in it`] : [];
  });
}
