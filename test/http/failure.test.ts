import assert from 'node:assert/strict';
import { STATUS_CODES } from 'node:http';
import { describe, it } from 'node:test';
import { failureReply, statusOf } from '../../src/http/failure.ts';
import { type ErrorCode, type ErrorDetails, JotError } from '../../src/lib/errors.ts';

const CHALLENGE = 'JWT realm="Login Required"';

function reply(code: ErrorCode, details: ErrorDetails = {}) {
  const { status, headers, body } = failureReply(new JotError(code, 'Because.', details), CHALLENGE);
  const pairs = headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1]]] : []));
  return { status, headers: Object.fromEntries(pairs), body };
}

// The phrase is the standard's where none is given.
const codes: Readonly<Record<ErrorCode, readonly [status: number, error?: string]>> = {
  bad_request: [400],
  validation_failed: [400],
  authorization_required: [401, 'Authorization Required'],
  invalid_header: [401, 'Invalid JWT header'],
  token_invalid: [401, 'Invalid token'],
  token_expired: [401, 'Invalid token'],
  token_revoked: [401, 'Invalid token'],
  user_gone: [401, 'Invalid JWT'],
  invalid_credentials: [401, 'Bad Request'],
  fresh_token_required: [401, 'Fresh Token Required'],
  forbidden: [403],
  quota_exceeded: [403],
  signup_closed: [403],
  not_found: [404],
  method_not_allowed: [405],
  request_timeout: [408],
  conflict: [409],
  username_taken: [409],
  precondition_failed: [412],
  // RFC 9110 renamed it; Node has the older name.
  content_too_large: [413, 'Content Too Large'],
  uri_too_long: [414],
  unsupported_media_type: [415],
  expectation_failed: [417],
  rate_limited: [429],
  headers_too_large: [431],
  internal: [500],
  not_implemented: [501],
  unavailable: [503],
  version_not_supported: [505],
};

describe('failureReply returns the status, phrase and shape of every code', () => {
  for (const [code, [status, error = STATUS_CODES[status]]] of Object.entries(codes)) {
    it(`${code}: ${status} ${error}`, () => {
      const { status: given, headers, body } = reply(code as ErrorCode);
      assert.equal(given, status);
      assert.equal(statusOf(code as ErrorCode), status);
      assert.equal(headers['Content-Type'], 'application/json; charset=utf-8');
      assert.equal(
        body,
        `${JSON.stringify({ status_code: status, error: error ?? '', description: 'Because.', code })}\n`,
      );
      assert.equal(headers['WWW-Authenticate'], status === 401 ? CHALLENGE : undefined);
      assert.equal(headers['Retry-After'], status === 429 || status === 503 ? '1' : undefined);
    });
  }
});

describe('failureReply includes the details of the error', () => {
  it('the invalid fields, and no others', () => {
    const fields = { title: 'is required', body: 'is required' };
    const { body } = reply('validation_failed', { fields });
    assert.deepEqual(JSON.parse(body ?? '').fields, fields);
    assert.equal('fields' in JSON.parse(reply('validation_failed').body ?? ''), false);
  });

  it('the allowed methods, even an empty list', () => {
    assert.equal(reply('method_not_allowed', { allow: ['GET', 'HEAD'] }).headers.Allow, 'GET, HEAD');
    assert.equal(reply('method_not_allowed', { allow: [] }).headers.Allow, '');
    assert.equal(reply('not_found').headers.Allow, undefined);
  });

  it('the accepted types', () => {
    for (const header of ['Accept', 'Accept-Encoding'] as const) {
      const { headers } = reply('unsupported_media_type', { accept: { header, value: 'x' } });
      assert.equal(headers[header], 'x');
    }
    assert.equal(reply('unsupported_media_type').headers.Accept, undefined);
  });

  it('the challenge of another scheme, on a 401 only', () => {
    const challenge = 'Bearer';
    assert.equal(reply('authorization_required', { challenge }).headers['WWW-Authenticate'], 'Bearer');
    assert.equal(reply('forbidden', { challenge }).headers['WWW-Authenticate'], undefined);
  });

  for (const [seconds, header, why] of [
    [0, '1', 'at least one'],
    [-5, '1', 'never a negative one'],
    [0.2, '1', 'whole seconds'],
    [1, '1', 'as it is'],
    [1.001, '2', 'rounded up, since too early is refused again'],
    [59.9, '60', 'rounded up to a minute'],
    [3600, '3600', 'an hour'],
  ] as const) {
    it(`Retry-After of ${seconds} as ${header}: ${why}`, () => {
      const details = { retryAfterSeconds: seconds };
      assert.equal(reply('rate_limited', details).headers['Retry-After'], header);
      assert.equal(reply('unavailable', details).headers['Retry-After'], header);
      assert.equal(reply('forbidden', details).headers['Retry-After'], undefined);
    });
  }

  it('but neither the cause nor the stack', () => {
    const { body, headers } = reply('unavailable', { cause: new Error('EIO: /var/lib/jot') });
    assert.doesNotMatch(JSON.stringify([body, headers]), /EIO|jot|\.ts/);
  });
});
