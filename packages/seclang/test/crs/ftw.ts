/**
 * Reads go-ftw test files of the Core Rule Set, makes the bytes that go-ftw would send, and judges what came of them.
 * Shared by the in-process run here and by runs over HTTP.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

/** What a stage sends. */
export interface FtwInput {
  method?: string
  uri?: string
  version?: string
  headers?: Record<string, string | number>
  data?: string | string[]
  encoded_request?: string
  raw_request?: string
  autocomplete_headers?: boolean
  stop_magic?: boolean
}

/** What a stage expects. */
export interface FtwOutput {
  status?: number | number[]
  log?: { expect_ids?: number[]; no_expect_ids?: number[]; match_regex?: string; no_match_regex?: string }
  log_contains?: string
  no_log_contains?: string
  expect_error?: boolean
}

/** One request with its expectation. */
export interface FtwStage {
  input: FtwInput
  output: FtwOutput
}

/** One test. */
export interface FtwTest {
  /** `920100-4`. */
  id: string
  file: string
  stages: FtwStage[]
}

interface RawTest {
  test_id?: number
  test_title?: string
  enabled?: boolean
  stages: (FtwStage | { stage: FtwStage })[]
}

interface RawFile {
  rule_id?: number
  meta?: { enabled?: boolean; name?: string }
  tests?: RawTest[]
}

function yamlFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return yamlFiles(path)
      return /\.ya?ml$/.test(entry.name) ? [path] : []
    })
}

/** All enabled tests below a folder. */
export function readTests(folder: string): FtwTest[] {
  return yamlFiles(folder).flatMap((file) => {
    const content = parse(readFileSync(file, 'utf8')) as RawFile | null
    if (content === null || content.meta?.enabled === false) return []
    return (content.tests ?? [])
      .filter((test) => test.enabled !== false)
      .map((test) => ({
        id: test.test_title ?? `${content.rule_id}-${test.test_id}`,
        file,
        stages: test.stages.map((stage) => ('stage' in stage ? stage.stage : stage)),
      }))
  })
}

const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

/** The one template function that the tests use: `{{ "1" | repeat 64200 }}`. */
function expandTemplate(text: string): string {
  return text.replace(/\{\{\s*"([^"]*)"\s*\|\s*repeat\s+(\d+)\s*\}\}/g, (_all, s: string, n: string) =>
    s.repeat(Number(n)),
  )
}

function encodeForm(data: string): string {
  let plain: string
  try {
    plain = decodeURIComponent(data.replaceAll('+', ' '))
  } catch {
    return data
  }
  if (plain !== data) return data
  const quoted = (s: string): string =>
    encodeURIComponent(s)
      .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll('%20', '+')
  const pairs = data.split('&').filter((p) => p !== '')
  const encoded = pairs.map((pair): [string, string] => {
    const equals = pair.indexOf('=')
    return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
  })
  encoded.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return encoded.map(([key, value]) => `${quoted(key)}=${quoted(value)}`).join('&')
}

/** The bytes go-ftw sends for a stage, as a byte string. */
export function wireRequest(input: FtwInput): string {
  if (input.encoded_request !== undefined) return Buffer.from(input.encoded_request, 'base64').toString('latin1')
  if (input.raw_request !== undefined) return latin1(input.raw_request)
  const headers = Object.entries(input.headers ?? {}).map(([name, value]): [string, string] => [name, String(value)])
  const has = (name: string): string | undefined => headers.find(([n]) => n.toLowerCase() === name)?.[1]
  const complete = input.stop_magic !== true && input.autocomplete_headers !== false
  let data = expandTemplate(Array.isArray(input.data) ? input.data.join('\r\n') : (input.data ?? ''))
  if (complete && data !== '') {
    if (has('content-type') === undefined) headers.push(['Content-Type', 'application/x-www-form-urlencoded'])
    if (/^application\/x-www-form-urlencoded/i.test(has('content-type') ?? '')) data = encodeForm(data)
  }
  if (/^multipart\/form-data/i.test(has('content-type') ?? '') && complete) data = data.replace(/\r?\n/g, '\r\n')
  const body = latin1(data)
  if (complete) {
    if (has('content-length') === undefined && body !== '' && has('transfer-encoding') === undefined) {
      headers.push(['Content-Length', String(body.length)])
    }
    if (has('connection') === undefined) headers.push(['Connection', 'close'])
  }
  const line = `${input.method ?? 'GET'} ${input.uri ?? '/'} ${input.version ?? 'HTTP/1.1'}`
  const lines = [line, ...headers.map(([name, value]) => `${name}: ${value}`)]
  return `${latin1(lines.join('\r\n'))}\r\n\r\n${body}`
}

/** A request taken apart. */
export interface ParsedRequest {
  method: string
  target: string
  version: string
  /** Names and values in turn. */
  headers: string[]
  body: string
}

/** The content of a chunked body; what is no chunk is left as it is. */
function unchunk(body: string): string {
  let out = ''
  let at = 0
  for (;;) {
    const size = /^([0-9a-fA-F]+)[^\r\n]*\r\n/.exec(body.slice(at, at + 100))
    if (size === null) return at === 0 ? body : out
    const length = Number.parseInt(size[1]!, 16)
    if (length === 0) return out
    at += size[0].length
    out += body.slice(at, at + length)
    at += length + 2
  }
}

/** Takes a raw request apart leniently, as the tests need it: nothing is refused. */
export function parseRequest(raw: string): ParsedRequest {
  const headEnd = raw.search(/\r?\n\r?\n/)
  const head = headEnd < 0 ? raw : raw.slice(0, headEnd)
  const body = headEnd < 0 ? '' : raw.slice(headEnd).replace(/^\r?\n\r?\n/, '')
  const [line = '', ...rest] = head.split(/\r?\n/)
  const [, method = '', target = '', version = ''] = /^(\s*\S*)(?:\s+(.*?))??(?:\s+(\S+))?$/.exec(line) ?? []
  const headers: string[] = []
  for (const text of rest) {
    const colon = text.indexOf(':')
    if (/^[ \t]/.test(text) && headers.length > 0) headers[headers.length - 1] += ` ${text.trim()}`
    else if (colon >= 0) headers.push(text.slice(0, colon), text.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, ''))
  }
  const chunked = headers.some(
    (h, i) => i % 2 === 1 && headers[i - 1]!.toLowerCase() === 'transfer-encoding' && h.trim() === 'chunked',
  )
  return { method, target, version, headers, body: chunked ? unchunk(body) : body }
}

/** What a run found out about one stage. */
export interface FtwResult {
  /** Ids of rules that wrote to the log. */
  ids: Set<number>
  /** Log text in ModSecurity's error log form. */
  log: string
  status: number
}

/** Why a stage failed; undefined when it passed. */
export function judge(output: FtwOutput, result: FtwResult): string | undefined {
  const { ids, log, status } = result
  const statuses = output.status === undefined ? undefined : [output.status].flat()
  if (statuses?.includes(status)) return undefined
  if (output.expect_error === true && status === 400) return undefined
  const missing = (output.log?.expect_ids ?? []).filter((id) => !ids.has(id))
  if (missing.length > 0) return `${missing.join(' ')} did not fire`
  const unwanted = (output.log?.no_expect_ids ?? []).filter((id) => ids.has(id))
  if (unwanted.length > 0) return `${unwanted.join(' ')} fired`
  const matches = (pattern: string): boolean => new RegExp(pattern).test(log)
  if (output.log?.match_regex !== undefined && !matches(output.log.match_regex))
    return `log lacks /${output.log.match_regex}/`
  if (output.log?.no_match_regex !== undefined && matches(output.log.no_match_regex))
    return `log has /${output.log.no_match_regex}/`
  if (output.log_contains !== undefined && !matches(output.log_contains)) return `log lacks ${output.log_contains}`
  if (output.no_log_contains !== undefined && matches(output.no_log_contains))
    return `log has ${output.no_log_contains}`
  if (statuses !== undefined && Object.keys(output).length === 1)
    return `status ${status}, not ${statuses.join(' or ')}`
  return undefined
}

/** One line for a rule that fired, as ModSecurity writes it. */
export function logLine(match: { ruleId: number; message: string; logData: string }): string {
  const quoted = (s: string): string =>
    s.replace(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return `[id "${match.ruleId}"] [msg "${quoted(match.message)}"] [data "${quoted(match.logData)}"]`
}

/** What the tests' backend answers at /reflect: status, headers and body as the request's JSON says. */
export interface Reflection {
  status: number
  headers: string[]
  body: Buffer
}

/** The answer of the tests' backend. */
export function reflect(target: string, body: string): Reflection {
  const plain: Reflection = { status: 200, headers: ['Content-Type', 'text/plain'], body: Buffer.from('') }
  if (!target.startsWith('/reflect')) return plain
  try {
    const wish = JSON.parse(Buffer.from(body, 'latin1').toString('utf8')) as {
      status?: number
      headers?: Record<string, string>
      body?: string
      encodedBody?: string
    }
    const headers = Object.entries(wish.headers ?? {}).flat()
    if (!headers.some((h) => h.toLowerCase() === 'content-type')) headers.push('Content-Type', 'text/plain')
    const content =
      wish.encodedBody === undefined ? Buffer.from(wish.body ?? '') : Buffer.from(wish.encodedBody, 'base64')
    return { status: wish.status ?? 200, headers, body: content }
  } catch {
    return plain
  }
}
