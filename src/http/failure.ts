// The only mapping of error codes to HTTP statuses, and the shape of every error response.

import { wholeSeconds } from '../lib/duration.ts';
import type { ErrorCode, JotError } from '../lib/errors.ts';
import { type HeaderList, jsonReply, type Reply } from './reply.ts';

const DEFAULT_RETRY_AFTER_SECONDS = 1;

// The phrases are those of RFC 9110, except for authentication errors, which have Flask-JWT's
// phrases so that its clients keep working.
const statuses: Readonly<Record<ErrorCode, readonly [status: number, error: string]>> = {
  bad_request: [400, 'Bad Request'],
  validation_failed: [400, 'Bad Request'],
  authorization_required: [401, 'Authorization Required'],
  invalid_header: [401, 'Invalid JWT header'],
  token_invalid: [401, 'Invalid token'],
  token_expired: [401, 'Invalid token'],
  token_revoked: [401, 'Invalid token'],
  user_gone: [401, 'Invalid JWT'],
  invalid_credentials: [401, 'Bad Request'],
  fresh_token_required: [401, 'Fresh Token Required'],
  forbidden: [403, 'Forbidden'],
  quota_exceeded: [403, 'Forbidden'],
  signup_closed: [403, 'Forbidden'],
  not_found: [404, 'Not Found'],
  method_not_allowed: [405, 'Method Not Allowed'],
  request_timeout: [408, 'Request Timeout'],
  conflict: [409, 'Conflict'],
  username_taken: [409, 'Conflict'],
  precondition_failed: [412, 'Precondition Failed'],
  content_too_large: [413, 'Content Too Large'],
  uri_too_long: [414, 'URI Too Long'],
  unsupported_media_type: [415, 'Unsupported Media Type'],
  expectation_failed: [417, 'Expectation Failed'],
  rate_limited: [429, 'Too Many Requests'],
  headers_too_large: [431, 'Request Header Fields Too Large'],
  internal: [500, 'Internal Server Error'],
  not_implemented: [501, 'Not Implemented'],
  unavailable: [503, 'Service Unavailable'],
  version_not_supported: [505, 'HTTP Version Not Supported'],
};

export const errorCodes = Object.keys(statuses) as ErrorCode[];

/** Returns the HTTP status of an error code. */
export function statusOf(code: ErrorCode): number {
  return statuses[code][0];
}

/**
 * @param challenge Value of `WWW-Authenticate` on a 401, unless the error has its own challenge.
 */
export function failureReply({ code, message, details }: JotError, challenge: string): Reply {
  const [status_code, error] = statuses[code];
  // `JSON.stringify` omits `fields` if it is undefined.
  const body = { status_code, error, description: message, code, fields: details.fields };
  return jsonReply(status_code, body, failureHeaders(status_code, details, challenge));
}

function failureHeaders(status: number, details: JotError['details'], challenge: string): HeaderList {
  const headers: string[] = [];
  if (status === 401) headers.push('WWW-Authenticate', details.challenge ?? challenge);
  if (details.allow !== undefined) headers.push('Allow', details.allow.join(', '));
  if (details.accept !== undefined) headers.push(details.accept.header, details.accept.value);
  if (status === 429 || status === 503) {
    // Rounded up, since a request that comes too early is rejected again.
    const seconds = Math.max(1, wholeSeconds(details.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS));
    headers.push('Retry-After', String(seconds));
  }
  return headers;
}
