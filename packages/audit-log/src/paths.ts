import { type Entry, gatewayTime } from './entry.ts'
import { REDACTED, type Redaction } from './redaction.ts'

/** Reads one value of an entry; undefined = there is none. */
export type Reader = (entry: Entry) => unknown

type Table = Readonly<Record<string, Reader>>

const rounded = (ms: number): number => Math.round(ms * 1000) / 1000

/** The record's paths, as custom fields name them. */
const PATHS: Table = {
  time: (entry) => new Date(entry.time).toISOString(),
  outcome: (entry) => entry.outcome,
  'client.ip': (entry) => entry.ip,
  'client.port': (entry) => entry.connection.port,
  'client.peer': (entry) => entry.peer,
  'client.source': ({ ip, peer }) => (ip === peer ? 'connection' : 'x-forwarded-for'),
  'request.id': (entry) => entry.request?.id,
  'request.method': (entry) => entry.method,
  'request.path': (entry) => entry.path,
  'request.route': (entry) => entry.route,
  'request.host': (entry) => entry.request?.host,
  'request.scheme': (entry) => entry.request?.protocol,
  'request.http_version': (entry) => entry.request?.raw.httpVersion,
  'request.user_agent': (entry) => entry.request?.headers['user-agent'],
  'request.content_type': (entry) => entry.request?.headers['content-type'],
  'request.size': (entry) => entry.requestSize,
  'request.bytes': (entry) => entry.bytes?.read,
  'response.bytes': (entry) => entry.bytes?.written,
  'response.status': (entry) => entry.status,
  'response.size': (entry) => entry.responseSize,
  'response.content_type': (entry) => entry.reply?.getHeader('content-type'),
  'latency.total': (entry) => rounded(entry.total),
  'latency.gateway': (entry) => rounded(gatewayTime(entry)),
  'latency.upstream': (entry) =>
    entry.upstream?.duration === undefined ? undefined : rounded(entry.upstream.duration),
  'tls.version': (entry) => entry.connection.tls?.version,
  'tls.cipher': (entry) => entry.connection.tls?.cipher,
  'tls.server_name': (entry) => entry.connection.tls?.serverName,
  'tls.client.subject': (entry) => entry.connection.tls?.subject,
  'tls.client.fingerprint': (entry) => entry.connection.tls?.fingerprint,
  'identity.kind': (entry) => entry.state?.identity?.kind,
  'identity.subject': (entry) => entry.state?.identity?.subject,
  'identity.key_id': (entry) => entry.state?.identity?.keyId,
  'identity.roles': (entry) => entry.state?.identity?.roles,
  endpoint: (entry) => entry.endpoint,
  'upstream.origin': (entry) => entry.upstream?.origin,
  'upstream.status': (entry) => entry.upstream?.status,
  'upstream.attempts': (entry) => entry.upstream?.attempts,
  'upstream.failure': (entry) => entry.upstream?.failure,
  'decision.component': (entry) => entry.decision?.component,
  'decision.code': (entry) => entry.decision?.code,
  'decision.mode': (entry) => entry.decision?.mode,
  'decision.status': (entry) => entry.decision?.status,
  'rate_limit.limit': (entry) => entry.state?.rateLimit?.limit,
  'rate_limit.remaining': (entry) => entry.state?.rateLimit?.remaining,
}

/** Families of paths: what stands after the prefix is a name that the request brings. */
const FAMILIES: Readonly<Record<string, (name: string, redaction: Redaction) => Reader>> = {
  'request.headers.': (name, redaction) => headerReader(name, redaction, (entry) => entry.request?.headers),
  'response.headers.': (name, redaction) => headerReader(name, redaction, (entry) => entry.reply?.getHeaders()),
  'request.params.': (name) => (entry) => ownValue(entry.request?.params, [name]),
  'request.query.': (name, redaction) => (entry) =>
    redaction.hidesQuery(name) || entry.state?.hiddenQuery?.has(name) === true
      ? REDACTED
      : ownValue(entry.request?.query, [name]),
  'request.cookies.': (name, redaction) => (entry) =>
    redaction.hidesCookie(name) ? REDACTED : cookieOf(entry.request?.headers.cookie, name),
  'claims.': (name, redaction) => claimReader(name.split('.'), redaction),
  'facts.': (name) => (entry) => ownValue(entry.state?.facts, name.split('.')),
}

/** Every path that has a fixed name, and the families' prefixes: for messages. */
export const pathNames: readonly string[] = [
  ...Object.keys(PATHS),
  ...Object.keys(FAMILIES).map((prefix) => `${prefix}<name>`),
]

/** What reads a path; undefined when the record has no such path. */
export function readerOf(path: string, redaction: Redaction): Reader | undefined {
  if (Object.hasOwn(PATHS, path)) return PATHS[path]
  const prefix = Object.keys(FAMILIES).find((family) => path.startsWith(family) && path.length > family.length)
  return prefix === undefined ? undefined : FAMILIES[prefix]!(path.slice(prefix.length), redaction)
}

type Headers = Readonly<Record<string, number | string | readonly string[] | undefined>>

function headerReader(name: string, redaction: Redaction, headers: (entry: Entry) => Headers | undefined): Reader {
  const lower = name.toLowerCase()
  return (entry) => {
    const value = headers(entry)?.[lower]
    return value === undefined ? undefined : redaction.header(lower, String(value))
  }
}

function claimReader(names: readonly string[], redaction: Redaction): Reader {
  if (names.some((name) => redaction.hidesField(name))) return () => REDACTED
  return (entry) => {
    for (const identity of entry.state?.identities ?? []) {
      const found = ownValue(identity.claims, [names.join('.')]) ?? ownValue(identity.claims, names)
      if (found !== undefined) return found
    }
    return undefined
  }
}

function ownValue(holder: unknown, names: readonly string[]): unknown {
  let value = holder
  for (const name of names) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const equals = pair.indexOf('=')
    if (equals !== -1 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return undefined
}
