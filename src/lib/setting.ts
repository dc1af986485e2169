// The kinds of settings: each parses the text of a setting, and describes the text it expects.

import { parseDuration } from './duration.ts';

export interface Setting<T> {
  /** Returns the value of a text; undefined if the text is not as expected. */
  readonly read: (text: string) => T | undefined;
  readonly expected: string;
  /** Returns a correction to suggest for a wrong text, or undefined. */
  readonly guess?: (text: string) => string | undefined;
  /** Whether errors hide the value. */
  readonly isSecret?: boolean;
}

/** An integer, both ends included. */
export function integer(min: number, max: number): Setting<number> {
  return {
    read: (text) =>
      /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined,
    expected: `an integer from ${min} to ${max}`,
  };
}

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

/** A positive number of bytes. */
export function bytes(max: number): Setting<number> {
  const most = max < MEBIBYTE ? `${Math.floor(max / KIBIBYTE)}KiB` : `${Math.floor(max / MEBIBYTE)}MiB`;
  return {
    read: (text) => {
      const parts = /^(\d{1,15})(|KiB|MiB)$/.exec(text);
      const unit = { KiB: KIBIBYTE, MiB: MEBIBYTE }[parts?.[2] ?? ''] ?? 1;
      const value = Number(parts?.[1]) * unit;
      return value >= 1 && value <= max ? value : undefined;
    },
    expected: `bytes, like \`65536\` or \`64KiB\`, up to ${most}`,
  };
}

/** A duration in milliseconds, both ends included. */
export function duration(
  minMs: number,
  maxMs = Number.POSITIVE_INFINITY,
  bounds = minMs > 0 ? ', more than 0' : '',
): Setting<number> {
  return {
    read: (text) => {
      const valueMs = parseDuration(text);
      return valueMs !== null && valueMs >= minMs && valueMs <= maxMs ? valueMs : undefined;
    },
    expected: `seconds, or a duration like \`90s\`, \`5m\`, \`12h\`, \`30d\`${bounds}`,
  };
}

/** One of these words, as the value that it stands for. */
export function oneOf<T>(values: Readonly<Record<string, T>>): Setting<T> {
  return {
    read: (text) => (Object.hasOwn(values, text) ? values[text] : undefined),
    expected: `one of ${Object.keys(values).join(', ')}`,
  };
}

/** Returns the trimmed entries of a comma-separated list; undefined if an entry is invalid. */
export function listOf(text: string, isEntry: (entry: string) => boolean): string[] | undefined {
  const entries = entriesOf(text);
  return entries.every((entry) => entry !== '' && isEntry(entry)) ? entries : undefined;
}

/** Returns the trimmed entries of a comma-separated list. */
export function entriesOf(text: string): string[] {
  return text.split(',').map((entry) => entry.trim());
}
