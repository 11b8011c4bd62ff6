import type { BodyTexts } from './bodies.ts'
import { type Entry, gatewayTime, type Outcome } from './entry.ts'
import { jsonText } from './json-text.ts'
import { fieldValues, type LineOptions, type LineWriter, milliseconds } from './line.ts'
import { cut, decisionValues, factValues, headerText, headerValues, queryText } from './pieces.ts'

/** ECS knows success, failure and unknown. */
const OUTCOME: Readonly<Record<Outcome, string>> = {
  ok: 'success',
  refused: 'failure',
  error: 'failure',
  aborted: 'unknown',
}

/** Elastic Common Schema 8: the names that its dashboards know; what it has no name for stands under `portcullis`. */
export function ecsWriter(options: LineOptions): LineWriter {
  return (entry, bodies) => {
    const { request, state, decision } = entry
    const record = {
      '@timestamp': options.clock.format(entry.time),
      ecs: { version: '8.11.0' },
      event: eventOf(entry),
      source: addressOf(entry),
      client: addressOf(entry),
      http: {
        version: request?.raw.httpVersion,
        request: requestOf(entry, options, bodies),
        response: responseOf(entry, options, bodies),
      },
      url: {
        path: cut(entry.path, 2048),
        query: queryText(entry, options.redaction),
        domain: cut(request?.hostname, 256),
      },
      user_agent: request && { original: cut(request.headers['user-agent'], 512) },
      user: state?.identity && {
        id: cut(state.identity.subject ?? state.identity.keyId, 256),
        roles: state.identity.roles,
      },
      tls: tlsOf(entry),
      rule: decision && { name: decision.code, category: decision.component },
      labels: fieldValues(entry, options),
      portcullis: {
        outcome: entry.outcome,
        latency: {
          total: milliseconds(entry.total),
          gateway: milliseconds(gatewayTime(entry)),
          upstream: entry.upstream?.duration === undefined ? undefined : milliseconds(entry.upstream.duration),
        },
        route: entry.route,
        endpoint: entry.endpoint,
        upstream: entry.upstream,
        decisions: decisionValues(entry.decisions, options.redaction),
        facts: state?.facts && factValues(state.facts, options.redaction),
      },
    }
    return `${jsonText(record, Number.POSITIVE_INFINITY)}\n`
  }
}

function eventOf({ outcome, decision, total }: Entry): object {
  return {
    kind: 'event',
    category: ['web'],
    type: outcome === 'refused' ? ['access', 'denied'] : ['access'],
    outcome: OUTCOME[outcome],
    duration: Math.round(total * 1e6),
    reason: decision?.message ?? decision?.code,
  }
}

function addressOf({ ip, peer, connection }: Entry): object {
  return { ip, address: ip, port: ip === peer ? connection.port : undefined }
}

function requestOf(entry: Entry, options: LineOptions, bodies: BodyTexts | undefined): object | undefined {
  const { request } = entry
  if (request === undefined) return undefined
  const referer = headerText(request.headers.referer)
  return {
    id: cut(String(request.id), 128),
    method: request.method,
    mime_type: cut(request.headers['content-type'], 256),
    referrer: referer && cut(options.redaction.url(referer), 512),
    bytes: entry.bytes?.read,
    headers: options.headers ? headerValues(request.headers, options.redaction) : undefined,
    body: { bytes: entry.requestSize, content: bodies?.request && JSON.parse(bodies.request) },
  }
}

function responseOf(entry: Entry, options: LineOptions, bodies: BodyTexts | undefined): object {
  const { reply } = entry
  const type = reply?.getHeader('content-type')
  return {
    status_code: entry.status,
    mime_type: type === undefined ? undefined : cut(String(type), 256),
    bytes: entry.bytes?.written,
    headers: options.headers && reply !== undefined ? headerValues(reply.getHeaders(), options.redaction) : undefined,
    body: { bytes: entry.responseSize, content: bodies?.response && JSON.parse(bodies.response) },
  }
}

function tlsOf(entry: Entry): object | undefined {
  const facts = entry.connection.tls
  if (facts === undefined) return undefined
  const { version, cipher, serverName, subject, fingerprint } = facts
  return {
    version: version.replace(/^TLSv/, ''),
    version_protocol: 'tls',
    cipher,
    client: { server_name: serverName, subject, hash: fingerprint && { sha256: fingerprint.replaceAll(':', '') } },
  }
}
