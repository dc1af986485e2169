// Parses the bytes of a body into an object of unknown values: JSON (RFC 8259) or a form, the two
// formats that `curl` sends.

import type { IncomingHttpHeaders } from 'node:http';
import { JotError } from '../lib/errors.ts';
import { parseForm } from './form.ts';
import { decodeText, parseJson } from './json.ts';

const ACCEPTED = 'application/json, application/x-www-form-urlencoded';

/** A format of a body. In a form, every value is text. */
export interface Media {
  readonly source: 'json' | 'text';
  parse(bytes: Buffer): Readonly<Record<string, unknown>>;
}

const json: Media = { source: 'json', parse: parseJson };
const form: Media = { source: 'text', parse: (bytes) => parseForm(decodeText(bytes)) };

/**
 * Returns the format that the headers announce.
 *
 * @throws JotError `unsupported_media_type`.
 */
export function mediaOf(headers: IncomingHttpHeaders): Media {
  const codings = (headers['content-encoding'] ?? '').toLowerCase().split(',');
  if (!codings.every((coding) => ['', 'identity'].includes(coding.trim()))) {
    throw new JotError('unsupported_media_type', 'A content coding is not supported', {
      accept: { header: 'Accept-Encoding', value: 'identity' },
    });
  }
  const [type = '', ...parameters] = (headers['content-type'] ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase());
  const charsets = parameters.flatMap((parameter) => /^charset\s*=\s*(.*)$/.exec(parameter)?.[1] ?? []);
  if (!charsets.every((charset) => /^(utf-?8|"utf-?8")$/.test(charset)))
    throw unsupported('The charset must be UTF-8');
  if (type === 'application/json' || /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+\+json$/.test(type)) return json;
  if (type === 'application/x-www-form-urlencoded') return form;
  throw unsupported(
    type === ''
      ? 'The body needs a Content-Type'
      : `The Content-Type must be ${ACCEPTED.replace(',', ' or')}`,
  );
}

function unsupported(message: string): JotError {
  return new JotError('unsupported_media_type', message, { accept: { header: 'Accept', value: ACCEPTED } });
}
