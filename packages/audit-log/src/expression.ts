import { didYouMean } from '@portcullis/core'
import { jsonText, quote } from './json-text.ts'
import { pathNames, type Reader, readerOf } from './paths.ts'
import { Redaction } from './redaction.ts'

/** nginx's variables, as Kong's Lua chunks have them, and what they are called here. */
const NGINX: Readonly<Record<string, string>> = {
  remote_addr: 'client.ip',
  remote_port: 'client.port',
  realip_remote_addr: 'client.peer',
  request_id: 'request.id',
  request_method: 'request.method',
  request_uri: 'request.path',
  uri: 'request.path',
  host: 'request.host',
  scheme: 'request.scheme',
  server_protocol: 'request.http_version',
  request_length: 'request.size',
  request_time: 'latency.total',
  status: 'response.status',
  body_bytes_sent: 'response.size',
  bytes_sent: 'response.size',
  upstream_response_time: 'latency.upstream',
  upstream_status: 'upstream.status',
  upstream_addr: 'upstream.origin',
  ssl_protocol: 'tls.version',
  ssl_cipher: 'tls.cipher',
  ssl_server_name: 'tls.server_name',
  ssl_client_s_dn: 'tls.client.subject',
  time_iso8601: 'time',
  http_x_user_id: 'identity.subject',
}

/** Kong's functions that such chunks call. */
const KONG: Readonly<Record<string, string>> = {
  'client.get_ip': 'client.peer',
  'client.get_forwarded_ip': 'client.ip',
  'client.get_consumer': 'identity.subject',
  'client.get_credential': 'identity.key_id',
  'request.get_method': 'request.method',
  'request.get_path': 'request.path',
  'request.get_raw_path': 'request.path',
  'request.get_host': 'request.host',
  'request.get_scheme': 'request.scheme',
  'request.get_id': 'request.id',
  'response.get_status': 'response.status',
}

const LUA = /\bngx\.|\bkong\.|\breturn\b|\blocal\b|\bfunction\b|^\s*os\.|\(.*\)/

/** Writes one custom field's value as JSON; undefined = there is none, the field is left out. */
export type FieldWriter = (entry: Parameters<Reader>[0]) => string | undefined

/**
 * What is wrong with an expression; undefined when nothing is. A Lua chunk is told the right spelling.
 */
export function expressionMistake(expression: string): string | undefined {
  const lua = LUA.test(expression) ? luaMistake(expression) : undefined
  if (lua !== undefined) return lua
  const paths = pathsOf(expression)
  for (const path of paths) {
    if (readerOf(path, new Redaction()) === undefined) {
      const hint = didYouMean(path, pathNames)
      const constant = expression === path ? `; a constant text stands in single quotes: "'${path}'"` : ''
      return `the record has no ${JSON.stringify(path)}${hint === '' ? constant : hint}`
    }
  }
  return undefined
}

function luaMistake(expression: string): string {
  const variable = /ngx\.var\.(\w+)|ngx\.var\[["'](\w+)["']\]/.exec(expression)
  const name = variable?.[1] ?? variable?.[2]
  const called = /kong\.(client\.\w+|request\.\w+|response\.\w+)/.exec(expression)?.[1]
  const header = /get_header\(\s*["']([\w-]+)["']/.exec(expression)?.[1]
  const own =
    name !== undefined
      ? (NGINX[name] ?? nginxFamily(name))
      : header !== undefined
        ? `request.headers.${header.toLowerCase()}`
        : called === undefined
          ? undefined
          : KONG[called]
  const advice = own === undefined ? 'write a path such as "client.ip"' : `write "${own}"`
  return `Lua is not run here: ${advice}`
}

function nginxFamily(name: string): string | undefined {
  const families = { http_: 'request.headers.', sent_http_: 'response.headers.', arg_: 'request.query.' }
  for (const [prefix, family] of Object.entries({ ...families, cookie_: 'request.cookies.' })) {
    if (!name.startsWith(prefix)) continue
    const rest = name.slice(prefix.length)
    return family + (prefix.endsWith('http_') ? rest.replaceAll('_', '-') : rest)
  }
  return undefined
}

/** Compiles a checked expression: a path, a constant in single quotes, or text with paths in `${…}`. */
export function compileExpression(expression: string, redaction: Redaction): FieldWriter {
  const constant = /^'([^']*)'$/.exec(expression)?.[1]
  if (constant !== undefined) {
    const text = quote(constant)
    return () => text
  }
  if (!expression.includes('${')) {
    const read = readerOf(expression, redaction)!
    return (entry) => valueText(read(entry))
  }
  const pieces = expression.split(/(\$\{[^}]*\})/).filter((piece) => piece !== '')
  const readers = pieces.map((piece): string | Reader =>
    piece.startsWith('${') ? readerOf(piece.slice(2, -1).trim(), redaction)! : piece,
  )
  return (entry) => quote(readers.map((part) => (typeof part === 'string' ? part : plain(part(entry)))).join(''))
}

function pathsOf(expression: string): string[] {
  if (/^'[^']*'$/.test(expression)) return []
  if (!expression.includes('${')) return [expression]
  return [...expression.matchAll(/\$\{([^}]*)\}?/g)].map((match) => match[1]!.trim())
}

function plain(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'object' ? jsonText(value, 1024) : String(value)
}

function valueText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined
  if (typeof value === 'boolean') return String(value)
  return jsonText(value, 2048)
}
