import { type AuditEntry, auditEntry, type Transaction, wantsAuditEntry } from '@portcullis/seclang'
import { messageOf } from './findings.ts'
import type { Inspection } from './inspection.ts'
import type { Redaction } from './redaction.ts'

/**
 * The audit entry of a request in ModSecurity's JSON form, without secrets; undefined when SecAuditEngine wants none.
 *
 * @param parts letters as in SecAuditLogParts; `''` = what the rules say.
 */
export function auditOf(inspection: Inspection, parts: string): AuditEntry | undefined {
  const { tx, plan } = inspection
  if (!wantsAuditEntry(tx)) return undefined
  const { redaction } = plan
  for (const [kind, list] of [
    ['request_headers', tx.headers],
    ['response_headers', tx.responseHeaderList],
    ['args', tx.argsGet],
    ['args', tx.argsPost],
  ] as const) {
    for (const { key } of list) if (redaction.isSecret(key)) tx.sanitised.add(`${kind}:${key.toLowerCase()}`)
  }
  const entry = bounded(auditEntry(tx, parts === '' ? tx.auditLogParts : parts))
  const { messages } = entry.transaction
  if (messages === undefined) return entry
  const secrets = secretsOf(tx, redaction)
  const inQuery = [...tx.argsGet, ...tx.argsPost].some(({ key }) => redaction.isSecret(key))
  const logged = tx.matches.filter((match) => match.auditLogged)
  const masked = messages.map((message, i) => {
    const match = logged[i]!
    const { data } = message.details
    const quoted = namesOf(`${match.variable} ${data.slice(0, MAX_TEXT)}`)
    const isSecret = quoted.some((name) => !redaction.mayShow(name)) || (inQuery && WHOLE.test(match.variable))
    return {
      message: cut(messageOf(match, plan), MAX_TEXT),
      details: { ...message.details, data: isSecret ? '' : without(secrets, data) },
    }
  })
  return { transaction: { ...entry.transaction, messages: masked } }
}

/** Variables that hold arguments among other things: what a rule has captured there may be part of a secret one. */
const WHOLE = /^(?:REQUEST_URI|REQUEST_URI_RAW|REQUEST_LINE|QUERY_STRING|REQUEST_BODY|FULL_REQUEST)$/

/** The variables with members that a text names: rules quote `found within REQUEST_COOKIES:sid: …`. */
function namesOf(text: string): string[] {
  return text.match(/\b(?:ARGS|ARGS_GET|ARGS_POST|REQUEST_COOKIES|REQUEST_HEADERS|RESPONSE_HEADERS):[^\s:]+/g) ?? []
}

/** Characters of what a rule says of a match, of a header and of a body: an entry must not be larger than its request. */
const MAX_TEXT = 500
const MAX_HEADER = 1024
const MAX_BODY = 8192
const MAX_MESSAGES = 100
/** Most different secrets that are looked for in a text: each costs a pass over it. */
const MAX_SECRETS = 32

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}...(+${text.length - most})` : text
}

function cutHeaders(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, cut(value, MAX_HEADER)]))
}

function bounded({ transaction }: AuditEntry): AuditEntry {
  const { request, response, messages } = transaction
  const parts = ({ headers, body }: { headers?: Record<string, string>; body?: string }) => ({
    ...(headers && { headers: cutHeaders(headers) }),
    ...(body !== undefined && { body: cut(body, MAX_BODY) }),
  })
  return {
    transaction: {
      ...transaction,
      request: { ...request, uri: cut(request.uri, MAX_BODY), ...parts(request) },
      response: { ...response, ...parts(response) },
      ...(messages && { messages: messages.slice(0, MAX_MESSAGES) }),
    },
  }
}

/** What this request holds of secrets, for texts that quote it. */
function secretsOf(tx: Transaction, redaction: Redaction): string[] {
  const named = [...tx.headers, ...tx.argsGet, ...tx.argsPost].filter(({ key }) => redaction.isSecret(key))
  const values = [...named, ...tx.cookies].map(({ value }) => value).filter((value) => value.length > 3)
  return [...new Set(values)]
}

/** A text without secrets, cut: none is left in part at the end. */
function without(secrets: readonly string[], text: string): string {
  // Nobody has so many: then the text is not worth the time.
  if (secrets.length > MAX_SECRETS) return ''
  let masked = text.slice(0, MAX_TEXT)
  for (const secret of secrets) masked = masked.replaceAll(secret, '[redacted]')
  if (text.length <= MAX_TEXT) return masked
  const partial = Math.max(0, ...secrets.map((secret) => overlap(masked, secret)))
  return `${masked.slice(0, masked.length - partial)}...(+${text.length - MAX_TEXT + partial})`
}

/** How many characters at a text's end are the beginning of a secret. */
function overlap(text: string, secret: string): number {
  for (let length = Math.min(text.length, secret.length); length > 0; length--) {
    if (text.endsWith(secret.slice(0, length))) return length
  }
  return 0
}
