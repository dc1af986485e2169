// From what the client sent to what the handler takes. Only here is the body read: the caller is known by now, and may.

import { hasBody, readBody } from '../http/body.ts';
import { parseForm } from '../http/form.ts';
import { mediaOf } from '../http/media.ts';
import { JotError } from '../lib/errors.ts';
import { validate } from '../schema/schema.ts';
import { type Authorized, toValid, type Valid } from './journey.ts';

const USER_AGENT_LENGTH_MAX = 256;

export interface ValidateOptions {
  readonly bodyBytesMax: number;
}

export function createValidate({ bodyBytesMax }: ValidateOptions) {
  return async (authorized: Authorized): Promise<Valid> => {
    const { endpoint, params, principal, request, address } = authorized;
    // RFC 9110 §14.5: who sends a part must not find that it became the whole.
    if (endpoint.method === 'PUT' && request.headers['content-range'] !== undefined) {
      throw new JotError('bad_request', 'A part of something can not be put');
    }
    const call = {
      params,
      query: validate(endpoint.query, parseForm(authorized.query), 'text'),
      body: await readValidBody(authorized, bodyBytesMax),
      principal,
      client: { address, userAgent: (request.headers['user-agent'] ?? '').slice(0, USER_AGENT_LENGTH_MAX) },
      ifVersion: undefined,
    };
    return toValid(authorized, call);
  };
}

async function readValidBody(
  { endpoint, request, response, trace }: Authorized,
  bytesMax: number,
): Promise<unknown> {
  if (endpoint.body === undefined) return undefined;
  if (!hasBody(request)) return validate(endpoint.body, {});
  const media = mediaOf(request.headers);
  const bytes = await readBody(request, response, bytesMax);
  trace?.because(`${bytes.length} bytes`);
  return bytes.length === 0
    ? validate(endpoint.body, {})
    : validate(endpoint.body, media.parse(bytes), media.source);
}
