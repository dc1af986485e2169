// The file `.env` in the working directory: settings that need not be typed at each start. The
// environment takes precedence, since the file is for defaults. `parseEnv` silently skips lines that
// are not settings; here such a line is an error, since a limit may depend on it.

import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { JotError } from './errors.ts';

/** Names and values as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns the environment; settings that it lacks come from the file.
 *
 * @throws JotError `unavailable` if the file exists but cannot be read, or a line is not a setting.
 */
export function withEnvFile(path: string, environment: Environment): Environment {
  const text = readIfThere(path);
  if (text === null) return environment;
  requireSettings(text);
  return { ...parseEnv(text), ...environment };
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

// A quoted value may span lines. A line may hold a secret, so it is not quoted in the error.
function requireSettings(text: string): void {
  const unquoted = text.replace(/^[^=#\n]*=[ \t]*(["'`])[\s\S]*?\1/gm, (value) => value.replace(/.+/g, '='));
  const isOdd = (line: string) => !/^\s*(?:#|$)/.test(line) && !line.includes('=');
  const index = unquoted.split('\n').findIndex(isOdd);
  if (index !== -1) throw new JotError('unavailable', `Cannot read .env: line ${index + 1} has no "="`);
}
