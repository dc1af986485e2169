// Maps an error of Node's parser to a failure. The error holds only a code, sometimes a reason, the
// packet, and the position in the packet. If several failures have the same code, the line at that
// position distinguishes them, as far as the packet holds it.

import { JotError } from '../lib/errors.ts';

/** The error of a `clientError` event. */
export interface ParserError extends NodeJS.ErrnoException {
  readonly reason?: string;
  readonly rawPacket?: Buffer;
  /** Number of parsed bytes of the packet. */
  readonly bytesParsed?: number;
}

/** A client that stopped in the middle of a request. */
export const STALLED: ParserError = Object.assign(new Error('stalled'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });

/** Returns null for a reset connection, which has no client to read a response. */
export function parserFailure(cause: ParserError): JotError | null {
  const { code = '', reason } = cause;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new JotError('request_timeout', 'The request took too long to arrive');
  if (code === 'HPE_HEADER_OVERFLOW') return overflow(cause);
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return new JotError('content_too_large', 'The chunk extensions are too large');
  // RFC 9113 §3.4: the preface of HTTP/2, which looks like a request to an HTTP/1 server by design.
  const isLaterVersion = code === 'HPE_PAUSED_H2_UPGRADE' || reason === 'Invalid HTTP version';
  if (isLaterVersion)
    return new JotError('version_not_supported', 'Only HTTP/1.0 and HTTP/1.1 are supported');
  if (isUnknownMethod(cause)) return new JotError('not_implemented', 'The method is unknown');
  return code.startsWith('HPE_') ? new JotError('bad_request', 'The request is not valid HTTP') : null;
}

// RFC 9110 §15.5.15: a target that is too long has its own status. The parser stopped within the
// target if the line so far consists of a method and a target. A packet that begins in the middle
// of either does not show that.
function overflow(cause: ParserError): JotError {
  return /^[\w!#$%&'*+.^`|~-]+ +\S+$/.test(lineOf(cause).read)
    ? new JotError('uri_too_long', 'The request target is too long')
    : new JotError('headers_too_large', 'The request head is too large');
}

// RFC 9110 §9.1: an unknown method is 501, but only a valid request line has a method.
function isUnknownMethod(cause: ParserError): boolean {
  const isAboutMethod =
    cause.code === 'HPE_INVALID_METHOD' || cause.reason === 'Invalid method for HTTP/x.x request';
  return isAboutMethod && /^[\w!#$%&'*+.^`|~-]+ \S+ HTTP\/1\.[01]\r$/.test(lineOf(cause).whole);
}

// Returns the line in which the parser stopped: the parsed part, and the whole up to its line feed.
function lineOf({ rawPacket = Buffer.alloc(0), bytesParsed = 0 }: ParserError) {
  const start = rawPacket.subarray(0, bytesParsed).lastIndexOf('\n') + 1;
  const end = rawPacket.indexOf('\n', bytesParsed);
  return {
    read: rawPacket.toString('latin1', start, bytesParsed),
    whole: rawPacket.toString('latin1', start, end === -1 ? undefined : end),
  };
}
