import { Refusal } from '@portcullis/core'

const close = { close: true }

/** 413: the body is, or says that it is, larger than allowed. */
export const BODY_TOO_LARGE: Refusal = new Refusal(413, 'BODY_TOO_LARGE', 'The request body is too large', close)
/** 411: the length of the body must be declared. */
export const LENGTH_REQUIRED: Refusal = new Refusal(411, 'LENGTH_REQUIRED', 'Content-Length is required', close)
/** 414: the URL is longer than allowed. */
export const URL_TOO_LONG: Refusal = new Refusal(414, 'URL_TOO_LONG', 'The URL is too long', close)
/** 431: too many headers, or too large ones. */
export const HEADERS_TOO_LARGE: Refusal = new Refusal(
  431,
  'HEADERS_TOO_LARGE',
  'The request headers are too many or too large',
  close,
)
/** 400: two of a header that a request has one of; whoever reads the other one is misled. */
export const HEADER_DUPLICATED: Refusal = new Refusal(
  400,
  'HEADER_DUPLICATED',
  'The request has a header twice that it may have once',
  close,
)
/** 408: the request did not arrive in time. */
export const TIMEOUT: Refusal = new Refusal(408, 'TIMEOUT', 'The request took too long to arrive', close)
/** The same for the pause between two reads: two rules of one body must be two refusals. */
export const PAUSE_TIMEOUT: Refusal = new Refusal(408, 'TIMEOUT', 'The request took too long to arrive', close)
/** 400: a body that is not what its Content-Encoding says. */
export const BODY_MALFORMED: Refusal = new Refusal(400, 'BODY_MALFORMED', 'The request body is not valid gzip', close)
/** 415: several encodings on top of each other. */
export const ENCODING_NOT_SUPPORTED: Refusal = new Refusal(
  415,
  'ENCODING_NOT_SUPPORTED',
  'The encoding of the request body is not supported',
  close,
)
