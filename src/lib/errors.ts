// The class of expected failures: those that a client, an operator or a full disk can cause. Any
// other exception is a bug. It is logged with its stack, and the client gets only "Internal Server
// Error".
//
// The codes are a closed list, and programs depend on them: a client reads its code in the
// response, so a code is never renamed. The table in `http/failure.ts` maps each code to an HTTP
// status, and a code without an entry there does not compile. This file knows nothing of HTTP.

export type ErrorCode =
  | 'bad_request'
  | 'validation_failed'
  | 'authorization_required'
  | 'invalid_header'
  | 'token_invalid'
  | 'token_expired'
  | 'token_revoked'
  | 'user_gone'
  | 'invalid_credentials'
  | 'fresh_token_required'
  | 'forbidden'
  | 'quota_exceeded'
  | 'signup_closed'
  | 'not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'conflict'
  | 'username_taken'
  | 'precondition_failed'
  | 'content_too_large'
  | 'uri_too_long'
  | 'unsupported_media_type'
  | 'expectation_failed'
  | 'rate_limited'
  | 'headers_too_large'
  | 'internal'
  | 'not_implemented'
  | 'unavailable'
  | 'version_not_supported';

export interface SettingProblem {
  readonly name: string;
  /** The value found; absent if it is a secret. */
  readonly value?: unknown;
  /** Description of the values expected. */
  readonly expected: string;
}

/** Data of a failure beyond its message. */
export interface ErrorDetails {
  /** Problems by field name: `{ title: 'is required' }`. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Seconds after which the same request can succeed. */
  readonly retryAfterSeconds?: number;
  /** Methods of the resource, for `Allow`. */
  readonly allow?: readonly string[];
  /** The media types, or with `encoding` the content codings, that would have been accepted. */
  readonly accept?: { readonly header: 'Accept' | 'Accept-Encoding'; readonly value: string };
  /** Every wrong setting. */
  readonly problems?: readonly SettingProblem[];
  /** Challenge of a 401; default: the usual one. */
  readonly challenge?: string;
  readonly cause?: unknown;
}

/** A failure as data: an `Error` would capture a stack even if it is never thrown. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** An expected failure: a code, a sentence for the client or operator, and details. */
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
