import type { BodyTexts } from './bodies.ts'
import { clientText } from './connection.ts'
import { type Entry, gatewayTime } from './entry.ts'
import { jsonText, quote } from './json-text.ts'
import { fieldsText, type LineOptions, type LineWriter, milliseconds } from './line.ts'
import { decisionsText, factsText, headerText, headerValues, identityText, queryText } from './pieces.ts'

/** A hundred headers of a kilobyte fit. */
const LONG = 256 * 1024

/** Our own format: the record whose paths custom fields name. Written by hand, since it is on every request's path. */
export function jsonWriter(options: LineOptions): LineWriter {
  const latency = options.fields.some(({ key }) => key === '"latency":') ? () => '' : latencyText
  return (entry, bodies) =>
    `{"time":"${options.clock.format(entry.time)}","outcome":"${entry.outcome}",${requestText(entry, options, bodies)},` +
    `${client(entry)},${responseText(entry, options, bodies)},${latency(entry)}${entry.connection.tlsText}` +
    `"decisions":${entry.decisions.length === 0 ? '[]' : decisionsText(entry.decisions, options.redaction)}` +
    `${stateText(entry, options)}${fieldsText(entry, options)}}\n`
}

function requestText(entry: Entry, { redaction, headers }: LineOptions, bodies: BodyTexts | undefined): string {
  const { request } = entry
  if (request === undefined) return '"request":{}'
  const { raw } = request
  const sent = raw.headers
  const query = queryText(entry, redaction)
  const agent = sent['user-agent']
  const type = sent['content-type']
  const referer = headerText(sent.referer)
  const host = sent.host ?? headerText(sent[':authority'])
  let text =
    `"request":{"id":${quote(String(request.id), 128)},"method":${quote(request.method)},"path":${quote(entry.path ?? '', 2048)}` +
    `,"http_version":"${raw.httpVersion}"`
  if (query !== undefined) text += `,"query":${quote(query, 2048)}`
  if (entry.route !== undefined) text += `,"route":${quote(entry.route)}`
  if (host !== undefined) text += `,"host":${quote(host, 256)}`
  if (agent !== undefined) text += `,"user_agent":${quote(agent, 512)}`
  if (referer !== undefined) text += `,"referer":${quote(redaction.url(referer), 512)}`
  if (type !== undefined) text += `,"content_type":${quote(type, 256)}`
  if (entry.requestSize !== undefined) text += `,"size":${entry.requestSize}`
  if (entry.bytes !== undefined) text += `,"bytes":${entry.bytes.read}`
  if (headers) text += `,"headers":${jsonText(headerValues(sent, redaction), LONG)}`
  if (bodies?.request !== undefined) text += `,"body":${bodies.request}`
  return `${text}}`
}

function client({ ip, peer, connection }: Entry): string {
  return ip === undefined || ip === peer ? connection.clientText : clientText(ip, peer, connection.port)
}

function responseText(entry: Entry, options: LineOptions, bodies: BodyTexts | undefined): string {
  const { reply } = entry
  let text = `"response":{"status":${entry.status ?? null}`
  if (entry.responseSize !== undefined) text += `,"size":${entry.responseSize}`
  if (entry.bytes !== undefined) text += `,"bytes":${entry.bytes.written}`
  if (reply !== undefined) {
    const type = reply.getHeader('content-type')
    if (type !== undefined) text += `,"content_type":${quote(String(type), 256)}`
    if (options.headers) text += `,"headers":${jsonText(headerValues(reply.getHeaders(), options.redaction), LONG)}`
  }
  if (bodies?.response !== undefined) text += `,"body":${bodies.response}`
  return `${text}}`
}

function latencyText(entry: Entry): string {
  const upstream = entry.upstream?.duration
  const rest = upstream === undefined ? '' : `,"upstream":${milliseconds(upstream)}`
  return `"latency":{"total":${milliseconds(entry.total)},"gateway":${milliseconds(gatewayTime(entry))}${rest}},`
}

/** What components found out: who it was, what decided, where it went. */
function stateText(entry: Entry, { redaction }: LineOptions): string {
  const { state, decision, upstream } = entry
  let text = ''
  if (decision !== undefined) {
    text += `,"decision":{"component":${quote(decision.component)},"code":${quote(decision.code)},"mode":"${decision.mode}"`
    text += decision.status === undefined ? '}' : `,"status":${decision.status}}`
  }
  if (state === undefined) return text
  const { identities, rateLimit, facts } = state
  if (identities !== undefined) {
    text += `,"identity":${identityText(identities[0]!)}`
    if (identities.length > 1) text += `,"identities":[${identities.map(identityText).join(',')}]`
  }
  if (rateLimit !== undefined) text += `,"rate_limit":{"limit":${rateLimit.limit},"remaining":${rateLimit.remaining}}`
  if (upstream !== undefined) text += `,"upstream":${upstreamText(entry)}`
  if (entry.endpoint !== undefined) text += `,"endpoint":${quote(entry.endpoint)}`
  const rest = facts === undefined ? undefined : factsText(facts, redaction)
  return rest === undefined ? text : `${text},"facts":${rest}`
}

function upstreamText({ upstream }: Entry): string {
  const { origin, status, attempts, failure } = upstream!
  let text = `{"origin":${quote(origin ?? '')}`
  if (status !== undefined) text += `,"status":${status}`
  if (attempts !== undefined) text += `,"attempts":${attempts}`
  if (failure !== undefined) text += `,"failure":${quote(failure)}`
  return `${text}}`
}
