// Values as the bytes of a body. What is a reference in the value is one in the body.

import type { Reference, Template } from './steps.ts';

/** JSON in UTF-8, one character a byte. */
export function jsonOf(value: unknown): Template {
  const references: Reference[] = [];
  const text = JSON.stringify(value, (_, each) =>
    isReference(each) ? `@reference${references.push(each) - 1}@` : each,
  );
  const bytes = Buffer.from(text).toString('latin1');
  return bytes.split(/@reference(\d+)@/).map((part, index) => {
    const reference = references[Number(part)];
    return index % 2 === 1 && reference !== undefined ? reference : part;
  });
}

/** The same value as a form. */
export function formOf(value: Readonly<Record<string, unknown>>): Template {
  return Object.entries(value).flatMap(([name, each], index): Template => {
    const key = `${index === 0 ? '' : '&'}${percentEncoded(name)}=`;
    return isReference(each) ? [key, each] : [key + percentEncoded(String(each))];
  });
}

export function isReference(value: unknown): value is Reference {
  return typeof value === 'object' && value !== null && 'step' in value && 'of' in value;
}

// A surrogate alone is written as if it were a character, which is not UTF-8.
function percentEncoded(text: string): string {
  return [...text].map((each) => (each.isWellFormed() ? encodeURIComponent(each) : '%ED%A0%80')).join('');
}
