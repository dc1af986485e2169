// What to say when Node's parser gives up. It tells little: a code, sometimes a reason, the packet it was reading and how
// far it got. The line it stopped in tells what fits best, as far as that packet has it.

import { JotError } from '../lib/errors.ts';

/** What a `clientError` event brings. */
export interface ParserError extends NodeJS.ErrnoException {
  readonly reason?: string;
  readonly rawPacket?: Buffer;
  /** How much of the packet was read. */
  readonly bytesParsed?: number;
}

/** Null for a connection that was reset, which gets no answer: nobody is there. */
export function parserFailure(cause: ParserError): JotError | null {
  const { code = '', reason } = cause;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new JotError('request_timeout', 'The request took too long to arrive');
  if (code === 'HPE_HEADER_OVERFLOW') return overflow(cause);
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return new JotError('content_too_large', 'The chunk extensions are too large');
  // RFC 9113 §3.4: the greeting of HTTP/2, which is made so that a server like this one takes it for a request.
  const isLaterVersion = code === 'HPE_PAUSED_H2_UPGRADE' || reason === 'Invalid HTTP version';
  if (isLaterVersion)
    return new JotError('version_not_supported', 'Only HTTP/1.0 and HTTP/1.1 are supported');
  if (isUnknownMethod(cause)) return new JotError('not_implemented', 'The method is unknown');
  return code.startsWith('HPE_') ? new JotError('bad_request', 'The request is not valid HTTP') : null;
}

// RFC 9110 §15.5.15: a target without an end is another mistake than headers without one. It shows where the line holds no
// more than a method and a target so far; a packet that begins in the middle of either does not tell.
function overflow(cause: ParserError): JotError {
  return /^[\w!#$%&'*+.^`|~-]+ +\S+$/.test(lineOf(cause).read)
    ? new JotError('uri_too_long', 'The request target is too long')
    : new JotError('headers_too_large', 'The request head is too large');
}

// RFC 9110 §9.1: a method that nobody here knows is 501; what is no request line at all has no method.
function isUnknownMethod(cause: ParserError): boolean {
  const isAboutMethod =
    cause.code === 'HPE_INVALID_METHOD' || cause.reason === 'Invalid method for HTTP/x.x request';
  return isAboutMethod && /^[\w!#$%&'*+.^`|~-]+ \S+ HTTP\/1\.[01]\r$/.test(lineOf(cause).whole);
}

// The line that the parser stopped in, as far as it was read and to its line feed.
function lineOf({ rawPacket = Buffer.alloc(0), bytesParsed = 0 }: ParserError) {
  const start = rawPacket.subarray(0, bytesParsed).lastIndexOf('\n') + 1;
  const end = rawPacket.indexOf('\n', bytesParsed);
  return {
    read: rawPacket.toString('latin1', start, bytesParsed),
    whole: rawPacket.toString('latin1', start, end === -1 ? undefined : end),
  };
}
