/** The variables of the language: a number for each (used as array index), and how their values come about. */

/**
 * When a variable's values may change: `request` never after the request headers, `body` when the request body
 * arrives, `response` when response headers or body arrive, `volatile` at any rule.
 */
export type Lifetime = 'request' | 'body' | 'response' | 'volatile'

/** What the compiler knows of a variable. */
export interface VariableInfo {
  /** Index in every per-variable array. */
  readonly id: number
  /** Name in capitals, as in logs. */
  readonly name: string
  /** Whether it has members that a selector can choose. */
  readonly collection: boolean
  readonly lifetime: Lifetime
}

const SCALARS: Record<Lifetime, string> = {
  request:
    'AUTH_TYPE PATH_INFO QUERY_STRING REMOTE_ADDR REMOTE_HOST REMOTE_PORT REMOTE_USER ' +
    'REQUEST_BASENAME REQUEST_FILENAME REQUEST_LINE REQUEST_METHOD REQUEST_PROTOCOL REQUEST_URI REQUEST_URI_RAW ' +
    'SERVER_ADDR SERVER_NAME SERVER_PORT UNIQUE_ID USERAGENT_IP MODSEC_BUILD',
  body:
    'ARGS_COMBINED_SIZE FILES_COMBINED_SIZE FULL_REQUEST FULL_REQUEST_LENGTH INBOUND_DATA_ERROR ' +
    'MULTIPART_BOUNDARY_QUOTED MULTIPART_BOUNDARY_WHITESPACE MULTIPART_CRLF_LF_LINES MULTIPART_DATA_AFTER ' +
    'MULTIPART_DATA_BEFORE MULTIPART_FILE_LIMIT_EXCEEDED MULTIPART_HEADER_FOLDING MULTIPART_INVALID_HEADER_FOLDING ' +
    'MULTIPART_INVALID_PART MULTIPART_INVALID_QUOTING MULTIPART_LF_LINE MULTIPART_MISSING_SEMICOLON ' +
    'MULTIPART_SEMICOLON_MISSING MULTIPART_STRICT_ERROR MULTIPART_UNMATCHED_BOUNDARY REQBODY_ERROR ' +
    'REQBODY_ERROR_MSG REQBODY_PROCESSOR REQBODY_PROCESSOR_ERROR REQBODY_PROCESSOR_ERROR_MSG REQUEST_BODY ' +
    'REQUEST_BODY_LENGTH URLENCODED_ERROR STREAM_INPUT_BODY',
  response:
    'OUTBOUND_DATA_ERROR RESPONSE_BODY RESPONSE_CONTENT_LENGTH RESPONSE_CONTENT_TYPE RESPONSE_PROTOCOL ' +
    'RESPONSE_STATUS STATUS_LINE STATUS STREAM_OUTPUT_BODY',
  volatile:
    'DURATION HIGHEST_SEVERITY MATCHED_VAR MATCHED_VAR_NAME MSC_PCRE_ERROR MSC_PCRE_LIMITS_EXCEEDED ' +
    'SESSIONID USERID TIME TIME_DAY TIME_EPOCH TIME_HOUR TIME_MIN TIME_MON TIME_SEC TIME_WDAY TIME_YEAR WEBAPPID',
}

const COLLECTIONS: Record<Lifetime, string> = {
  request: 'ARGS_GET ARGS_GET_NAMES REQUEST_COOKIES REQUEST_COOKIES_NAMES REQUEST_HEADERS REQUEST_HEADERS_NAMES',
  body:
    'ARGS ARGS_NAMES ARGS_POST ARGS_POST_NAMES FILES FILES_NAMES FILES_SIZES FILES_TMP_CONTENT ' +
    'MULTIPART_FILENAME MULTIPART_NAME MULTIPART_PART_HEADERS XML',
  response: 'RESPONSE_HEADERS RESPONSE_HEADERS_NAMES',
  volatile: 'ENV GEO GLOBAL IP MATCHED_VARS MATCHED_VARS_NAMES RESOURCE RULE SESSION TX USER',
}

function buildTable(): Map<string, VariableInfo> {
  const table = new Map<string, VariableInfo>()
  for (const [names, collection] of [
    [SCALARS, false],
    [COLLECTIONS, true],
  ] as const) {
    for (const lifetime of ['request', 'body', 'response', 'volatile'] as const) {
      for (const name of names[lifetime].split(' ')) table.set(name, { id: table.size, name, collection, lifetime })
    }
  }
  return table
}

/** All variables by their name in capitals. */
export const VARIABLES: ReadonlyMap<string, VariableInfo> = buildTable()

/** Variables by id. */
export const VARIABLE_LIST: readonly VariableInfo[] = [...VARIABLES.values()]

/**
 * The id of a variable that this source names.
 * @throws Error when the name is not in the table: a mistake in this package
 */
export function idOf(name: string): number {
  const info = VARIABLES.get(name)
  if (info === undefined) throw new Error(`no variable ${name}`)
  return info.id
}

/** The collections that live on from one request to the next. */
export const PERSISTENT: readonly string[] = ['GLOBAL', 'IP', 'RESOURCE', 'SESSION', 'USER']
