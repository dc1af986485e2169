// `application/x-www-form-urlencoded`, which queries and forms share. `URLSearchParams` repairs what is malformed; here a
// percent escape that is none, or not UTF-8, is an error.

import { JotError } from '../lib/errors.ts';

/**
 * A key that is given twice has a list of its values, which no text field takes.
 *
 * @throws JotError `bad_request`.
 */
export function parseForm(text: string): Readonly<Record<string, string | string[]>> {
  if (text === '') return {};
  const values = new Map<string, string | string[]>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const key = decode(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? '' : decode(pair.slice(equals + 1));
    const before = values.get(key);
    if (Array.isArray(before)) before.push(value);
    else values.set(key, before === undefined ? value : [before, value]);
  }
  return Object.fromEntries(values);
}

function decode(text: string): string {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new JotError('bad_request', 'A percent escape is malformed or not UTF-8');
  }
}
