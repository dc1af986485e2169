// The one class for failures that are expected: something a client, an operator or a full disk can cause. Whatever
// is thrown that is not a `JotError` is a bug, and is treated as one: logged whole, told to nobody.
//
// The codes are a closed list. What a code means over HTTP is one table in `http/failure.ts`; a code without a row
// there does not compile. Nothing in this file knows of HTTP.

export type ErrorCode =
  | 'bad_request'
  | 'validation_failed'
  | 'authorization_required'
  | 'invalid_header'
  | 'invalid_token'
  | 'user_gone'
  | 'invalid_credentials'
  | 'fresh_token_required'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'conflict'
  | 'precondition_failed'
  | 'content_too_large'
  | 'uri_too_long'
  | 'unsupported_media_type'
  | 'expectation_failed'
  | 'too_many_requests'
  | 'headers_too_large'
  | 'internal'
  | 'not_implemented'
  | 'unavailable'
  | 'version_not_supported';

/** What a caller may want to know beyond the message. */
export interface ErrorDetails {
  /** Problems by field name, `{ title: 'is required' }`. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Seconds after which the same request can succeed. */
  readonly retryAfterSeconds?: number;
  /** The methods the resource does have. */
  readonly allow?: readonly string[];
  /** The media types, or with `encoding` the content codings, that would have been accepted. */
  readonly accept?: { readonly header: 'Accept' | 'Accept-Encoding'; readonly value: string };
  /** The authentication scheme to challenge with, where it is not the usual one. */
  readonly challenge?: string;
  readonly cause?: unknown;
}

/** A failure that may not happen, or not matter: as data, since an error has a stack even if nobody throws it. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** An expected failure: a code, a sentence for whoever sees it, and details. */
export class JotError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'JotError';
    this.code = code;
    this.details = details;
  }
}
