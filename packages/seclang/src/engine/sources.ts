/** Builds the values of each variable from what a transaction has seen. */

import { MULTIPART_FLAGS } from '../body/multipart.ts'
import type { NamedValue } from '../body/types.ts'
import { PERSISTENT, VARIABLE_LIST } from '../language/names.ts'
import type { TransactionState } from './state.ts'
import { Value } from './value.ts'

type Builder = (tx: TransactionState, id: number) => Value[]

const one =
  (read: (tx: TransactionState) => string): Builder =>
  (tx, id) => [new Value(id, null, read(tx))]
const optional =
  (read: (tx: TransactionState) => string | undefined): Builder =>
  (tx, id) => {
    const text = read(tx)
    return text === undefined ? [] : [new Value(id, null, text)]
  }
const members =
  (read: (tx: TransactionState) => readonly NamedValue[]): Builder =>
  (tx, id) =>
    read(tx).map((pair) => new Value(id, pair.key, pair.value))
const names =
  (read: (tx: TransactionState) => readonly NamedValue[]): Builder =>
  (tx, id) =>
    read(tx).map((pair) => new Value(id, pair.key, pair.key))

const flag = (on: boolean): string => (on ? '1' : '0')
const size = (pairs: readonly NamedValue[]): number =>
  pairs.reduce((sum, pair) => sum + pair.key.length + pair.value.length, 0)

function persistent(name: string): Builder {
  return (tx, id) => {
    const collection = tx.collections.get(name)
    return collection === undefined ? [] : collection.entries().map(([key, value]) => new Value(id, key, value))
  }
}

const clock = (read: (now: Date) => number): Builder => one((tx) => String(read(new Date(tx.started))))
const pad = (n: number): string => String(n).padStart(2, '0')

function timeOfDay(tx: TransactionState): string {
  const now = new Date(tx.started)
  return `${pad(now.getHours())}:${pad(now.getMinutes())}:${pad(now.getSeconds())}`
}

function fullRequest(tx: TransactionState): string {
  const headers = tx.headers.map((h) => `${h.key}: ${h.value}\n`).join('')
  return `${tx.line}\n${headers}\n${tx.bodyText}`
}

function rule(tx: TransactionState, id: number): Value[] {
  const current = tx.currentRule
  if (current === null) return []
  const pairs: [string, string][] = [
    ['id', String(current.id)],
    ['msg', current.message?.expand(tx) ?? ''],
    ['logdata', current.logData?.constant ?? ''],
    ['severity', current.severity < 0 ? '' : String(current.severity)],
    ['rev', current.revision],
    ['ver', current.version],
    ['phase', String(current.phase)],
  ]
  return pairs.map(([key, text]) => new Value(id, key, text))
}

function xml(tx: TransactionState, id: number): Value[] {
  const document = tx.xml
  if (document === undefined) return []
  return [new Value(id, '/*', document.text), ...document.attributes.map((text) => new Value(id, '//@*', text))]
}

const BUILDERS: Record<string, Builder> = {
  ARGS: (tx, id) => [...tx.argsGet, ...tx.argsPost].map((p) => new Value(id, p.key, p.value)),
  ARGS_NAMES: (tx, id) => [...tx.argsGet, ...tx.argsPost].map((p) => new Value(id, p.key, p.key)),
  ARGS_GET: members((tx) => tx.argsGet),
  ARGS_GET_NAMES: names((tx) => tx.argsGet),
  ARGS_POST: members((tx) => tx.argsPost),
  ARGS_POST_NAMES: names((tx) => tx.argsPost),
  ARGS_COMBINED_SIZE: one((tx) => String(size(tx.argsGet) + size(tx.argsPost))),
  AUTH_TYPE: optional((tx) => tx.header('authorization')?.split(' ', 1)[0]),
  DURATION: one((tx) => String((Date.now() - tx.started) * 1000)),
  ENV: members((tx) => tx.environment),
  FILES: (tx, id) => tx.files.map((f) => new Value(id, f.field, f.fileName)),
  FILES_COMBINED_SIZE: one((tx) => String(tx.files.reduce((sum, f) => sum + f.content.length, 0))),
  FILES_NAMES: (tx, id) => tx.files.map((f) => new Value(id, f.field, f.field)),
  FILES_SIZES: (tx, id) => tx.files.map((f) => new Value(id, f.field, String(f.content.length))),
  FILES_TMP_CONTENT: (tx, id) => tx.files.map((f) => new Value(id, f.field, f.content)),
  FULL_REQUEST: one(fullRequest),
  FULL_REQUEST_LENGTH: one((tx) => String(fullRequest(tx).length)),
  GEO: members((tx) => tx.geo),
  HIGHEST_SEVERITY: one((tx) => String(tx.highestSeverity)),
  INBOUND_DATA_ERROR: one((tx) => flag(tx.bodyOverLimit)),
  MATCHED_VAR: optional((tx) => (tx.matchedName === '' ? undefined : tx.matchedText)),
  MATCHED_VAR_NAME: optional((tx) => (tx.matchedName === '' ? undefined : tx.matchedName)),
  MATCHED_VARS: (tx, id) => tx.matched.map((m) => new Value(id, m.name, m.text)),
  MATCHED_VARS_NAMES: (tx, id) => tx.matched.map((m) => new Value(id, m.name, m.name)),
  MODSEC_BUILD: one(() => '030000000'),
  MSC_PCRE_LIMITS_EXCEEDED: one((tx) => flag(tx.limitsExceeded)),
  MULTIPART_FILENAME: (tx, id) => tx.files.slice(-1).map((f) => new Value(id, null, f.fileName)),
  MULTIPART_NAME: (tx, id) => tx.files.slice(-1).map((f) => new Value(id, null, f.field)),
  MULTIPART_PART_HEADERS: members((tx) => tx.multipart?.partHeaders ?? []),
  MULTIPART_STRICT_ERROR: one((tx) => flag(tx.multipartStrictError)),
  OUTBOUND_DATA_ERROR: one((tx) => flag(tx.responseOverLimit)),
  PATH_INFO: one((tx) => tx.path),
  QUERY_STRING: one((tx) => tx.query),
  REMOTE_ADDR: one((tx) => tx.connection.clientIp),
  REMOTE_HOST: one((tx) => tx.connection.clientIp),
  REMOTE_PORT: one((tx) => String(tx.connection.clientPort ?? 0)),
  REMOTE_USER: optional((tx) => tx.remoteUser),
  REQBODY_ERROR: one((tx) => flag(tx.bodyError !== '')),
  REQBODY_ERROR_MSG: one((tx) => tx.bodyError),
  REQBODY_PROCESSOR: one((tx) => tx.processor),
  REQBODY_PROCESSOR_ERROR: one((tx) => flag(tx.bodyError !== '')),
  REQBODY_PROCESSOR_ERROR_MSG: one((tx) => tx.bodyError),
  REQUEST_BASENAME: one((tx) =>
    tx.fileName.slice(Math.max(tx.fileName.lastIndexOf('/'), tx.fileName.lastIndexOf('\\')) + 1),
  ),
  REQUEST_BODY: optional((tx) => tx.requestBodyVariable),
  REQUEST_BODY_LENGTH: one((tx) => String(tx.bodyText.length)),
  REQUEST_COOKIES: members((tx) => tx.cookies),
  REQUEST_COOKIES_NAMES: names((tx) => tx.cookies),
  REQUEST_FILENAME: one((tx) => tx.fileName),
  REQUEST_HEADERS: (tx) => tx.headers.map((header) => header.member),
  REQUEST_HEADERS_NAMES: (tx) => tx.headers.map((header) => header.name),
  REQUEST_LINE: one((tx) => tx.line),
  REQUEST_METHOD: one((tx) => tx.method),
  REQUEST_PROTOCOL: one((tx) => tx.protocol),
  REQUEST_URI: one((tx) => tx.uri),
  REQUEST_URI_RAW: one((tx) => tx.rawUri),
  RESPONSE_BODY: optional((tx) => tx.responseText),
  RESPONSE_CONTENT_LENGTH: one((tx) => String(tx.responseText?.length ?? 0)),
  RESPONSE_CONTENT_TYPE: optional((tx) => tx.responseType),
  RESPONSE_HEADERS: members((tx) => tx.responseHeaderList),
  RESPONSE_HEADERS_NAMES: names((tx) => tx.responseHeaderList),
  RESPONSE_PROTOCOL: one((tx) => tx.protocol),
  RESPONSE_STATUS: optional((tx) => tx.status),
  RULE: rule,
  SERVER_ADDR: one((tx) => tx.connection.serverIp ?? ''),
  SERVER_NAME: one((tx) => (tx.header('host') ?? '').replace(/:\d+$/, '')),
  SERVER_PORT: one((tx) => String(tx.connection.serverPort ?? 0)),
  SESSIONID: optional((tx) => tx.collections.get('SESSION')?.key),
  STATUS: optional((tx) => tx.status),
  STATUS_LINE: optional((tx) => (tx.status === undefined ? undefined : `${tx.protocol} ${tx.status}`)),
  STREAM_INPUT_BODY: one((tx) => tx.bodyText),
  STREAM_OUTPUT_BODY: optional((tx) => tx.responseText),
  TIME: one(timeOfDay),
  TIME_DAY: clock((now) => now.getDate()),
  TIME_EPOCH: one((tx) => String(Math.floor(tx.started / 1000))),
  TIME_HOUR: clock((now) => now.getHours()),
  TIME_MIN: clock((now) => now.getMinutes()),
  TIME_MON: clock((now) => now.getMonth()),
  TIME_SEC: clock((now) => now.getSeconds()),
  TIME_WDAY: clock((now) => now.getDay()),
  TIME_YEAR: clock((now) => now.getFullYear()),
  TX: (tx, id) => Array.from(tx.tx.entries(), ([key, text]) => new Value(id, key, text)),
  UNIQUE_ID: one((tx) => tx.uniqueId),
  URLENCODED_ERROR: one((tx) => flag(tx.badEscape)),
  USERAGENT_IP: one((tx) => tx.connection.clientIp),
  USERID: optional((tx) => tx.collections.get('USER')?.key),
  WEBAPPID: one((tx) => tx.webAppId),
  XML: xml,
}
for (const name of PERSISTENT) BUILDERS[name] = persistent(name)
for (const name of MULTIPART_FLAGS)
  BUILDERS[`MULTIPART_${name}`] = one((tx) => flag(tx.multipart?.flags.has(name) === true))
BUILDERS['MULTIPART_SEMICOLON_MISSING'] = BUILDERS['MULTIPART_MISSING_SEMICOLON']!

/** Variables that make no sense outside Apache or that need what the engine has not: always empty. */
const EMPTY: Builder = () => []

const BY_ID: readonly Builder[] = VARIABLE_LIST.map((info) => BUILDERS[info.name] ?? EMPTY)

/** All values of a variable. */
export function buildValues(tx: TransactionState, id: number): Value[] {
  return BY_ID[id]!(tx, id)
}
