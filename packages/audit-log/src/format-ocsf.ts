import type { BodyTexts } from './bodies.ts'
import { type Entry, gatewayTime } from './entry.ts'
import { jsonText } from './json-text.ts'
import { fieldValues, type LineOptions, type LineWriter, milliseconds } from './line.ts'
import { cut, decisionValues, factValues, headerText, headerValues, queryText } from './pieces.ts'

/** HTTP Activity. */
const CLASS = 4002
/** Activity ids of the class by method; 99 is another. */
const ACTIVITY: Readonly<Record<string, number>> = {
  CONNECT: 1,
  DELETE: 2,
  GET: 3,
  HEAD: 4,
  OPTIONS: 5,
  POST: 6,
  PUT: 7,
  TRACE: 8,
  PATCH: 9,
}

/** OCSF 1.3, class HTTP Activity (4002); what it has no attribute for stands under `unmapped`. */
export function ocsfWriter(options: LineOptions): LineWriter {
  return (entry, bodies) => {
    const { decision, outcome, request, state } = entry
    const activity = entry.method === undefined ? 0 : (ACTIVITY[entry.method] ?? 99)
    const record = {
      time: Math.floor(entry.time),
      class_uid: CLASS,
      class_name: 'HTTP Activity',
      category_uid: 4,
      category_name: 'Network Activity',
      activity_id: activity,
      type_uid: CLASS * 100 + activity,
      severity_id: outcome === 'ok' ? 1 : outcome === 'refused' ? 3 : 2,
      ...verdictOf(entry),
      message: decision?.message ?? decision?.code,
      duration: Math.round(entry.total),
      metadata: {
        version: '1.3.0',
        product: { name: 'Portcullis', vendor_name: 'Portcullis' },
        uid: request && cut(String(request.id), 128),
        profiles: ['security_control'],
      },
      src_endpoint: { ip: entry.ip, port: entry.ip === entry.peer ? entry.connection.port : undefined },
      http_request: requestOf(entry, options, bodies),
      http_response: responseOf(entry, options, bodies),
      actor: state?.identity && {
        user: { uid: cut(state.identity.subject ?? state.identity.keyId, 256), type: state.identity.kind },
      },
      firewall_rule: decision && { name: decision.code, category: decision.component },
      tls: tlsOf(entry),
      unmapped: unmappedOf(entry, options),
    }
    return `${jsonText(record, Number.POSITIVE_INFINITY)}\n`
  }
}

/** Ids of the profile security_control, and the class's status. */
function verdictOf({ outcome }: Entry): object {
  const refused = outcome === 'refused'
  return {
    action_id: refused ? 2 : 1,
    action: refused ? 'Denied' : 'Allowed',
    disposition_id: refused ? 2 : 1,
    disposition: refused ? 'Blocked' : 'Allowed',
    status_id: outcome === 'ok' ? 1 : outcome === 'aborted' ? 0 : 2,
  }
}

function requestOf(entry: Entry, options: LineOptions, bodies: BodyTexts | undefined): object | undefined {
  const { request } = entry
  if (request === undefined) return undefined
  const referer = headerText(request.headers.referer)
  return {
    http_method: request.method,
    version: request.raw.httpVersion,
    url: {
      path: cut(entry.path, 2048),
      query_string: queryText(entry, options.redaction),
      hostname: cut(request.hostname, 256),
    },
    user_agent: cut(request.headers['user-agent'], 512),
    referrer: referer && cut(options.redaction.url(referer), 512),
    length: entry.bytes?.read,
    body_length: entry.requestSize,
    http_headers: options.headers ? pairs(headerValues(request.headers, options.redaction)) : undefined,
    body: bodies?.request && JSON.parse(bodies.request),
  }
}

function responseOf(entry: Entry, options: LineOptions, bodies: BodyTexts | undefined): object {
  const { reply } = entry
  const headers =
    options.headers && reply !== undefined ? headerValues(reply.getHeaders(), options.redaction) : undefined
  return {
    code: entry.status ?? 0,
    latency: Math.round(entry.total),
    length: entry.bytes?.written,
    body_length: entry.responseSize,
    http_headers: headers && pairs(headers),
    body: bodies?.response && JSON.parse(bodies.response),
  }
}

function pairs(headers: Record<string, string>): object[] {
  return Object.entries(headers).map(([name, value]) => ({ name, value }))
}

function tlsOf(entry: Entry): object | undefined {
  const facts = entry.connection.tls
  return facts && { version: facts.version, cipher: facts.cipher, sni: facts.serverName }
}

function unmappedOf(entry: Entry, options: LineOptions): object {
  const { state, upstream } = entry
  return {
    ...fieldValues(entry, options),
    portcullis: {
      outcome: entry.outcome,
      route: entry.route,
      endpoint: entry.endpoint,
      latency: {
        total: milliseconds(entry.total),
        gateway: milliseconds(gatewayTime(entry)),
        upstream: upstream?.duration === undefined ? undefined : milliseconds(upstream.duration),
      },
      upstream,
      decisions: decisionValues(entry.decisions, options.redaction),
      facts: state?.facts && factValues(state.facts, options.redaction),
    },
  }
}
