// The kinds of values that a setting can have: how its text is read, and what to say that was expected where it is something else.

import { parseDuration } from './duration.ts';

/** A setting's text to its value; undefined when it is not what was expected. */
type Reader<T> = (text: string) => T | undefined;

export interface Setting<T> {
  readonly read: Reader<T>;
  readonly expected: string;
  /** Its value is never shown. */
  readonly isSecret?: boolean;
  /** What a wrong text is likely to be meant as, to be shown even where the value is a secret; null: who knows. */
  readonly meant?: (text: string) => string | null;
}

/** A whole number, both ends included. */
export function integer(min: number, max: number): Setting<number> {
  return {
    read: (text) =>
      /^\d{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined,
    expected: `an integer from ${min} to ${max}`,
  };
}

/** A number of bytes, 1 or more. */
export function bytes(max: number): Setting<number> {
  return {
    read: (text) => {
      const parts = /^(\d{1,15})(|KiB|MiB)$/.exec(text);
      const unit = { KiB: 1024, MiB: 1024 * 1024 }[parts?.[2] ?? ''] ?? 1;
      const value = Number(parts?.[1]) * unit;
      return value >= 1 && value <= max ? value : undefined;
    },
    expected: `bytes, like \`65536\` or \`64KiB\`, up to ${max / 1024 / 1024}MiB`,
  };
}

/** Milliseconds. */
export function duration(minMs: number): Setting<number> {
  return {
    read: (text) => {
      const valueMs = parseDuration(text);
      return valueMs !== null && valueMs >= minMs ? valueMs : undefined;
    },
    expected: `seconds, or a duration like \`90s\`, \`5m\`, \`12h\`, \`30d\`${minMs > 0 ? ', more than 0' : ''}`,
  };
}

/** One of these words, for what it stands for. */
export function oneOf<T>(values: Readonly<Record<string, T>>): Setting<T> {
  return {
    read: (text) => (Object.hasOwn(values, text) ? values[text] : undefined),
    expected: `one of ${Object.keys(values).join(', ')}`,
  };
}

/** The entries of a list, without white space around them; undefined when one of them is none. */
export function listOf(text: string, isEntry: (entry: string) => boolean): string[] | undefined {
  const entries = text.split(',').map((entry) => entry.trim());
  return entries.every((entry) => entry !== '' && isEntry(entry)) ? entries : undefined;
}
