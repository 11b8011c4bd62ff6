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
  const entry = auditEntry(tx, parts === '' ? tx.auditLogParts : parts)
  const { messages } = entry.transaction
  if (messages === undefined) return entry
  const secrets = secretsOf(tx, redaction)
  const inQuery = [...tx.argsGet, ...tx.argsPost].some(({ key }) => redaction.isSecret(key))
  const logged = tx.matches.filter((match) => match.auditLogged)
  const masked = messages.map((message, i) => {
    const match = logged[i]!
    const { data } = message.details
    const quoted = namesOf(`${match.variable} ${data}`)
    const isSecret = quoted.some((name) => !redaction.mayShow(name)) || (inQuery && WHOLE.test(match.variable))
    return {
      message: messageOf(match, plan),
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

/** What this request holds of secrets, for texts that quote it. */
function secretsOf(tx: Transaction, redaction: Redaction): string[] {
  const named = [...tx.headers, ...tx.argsGet, ...tx.argsPost].filter(({ key }) => redaction.isSecret(key))
  return [...named, ...tx.cookies].map(({ value }) => value).filter((value) => value.length > 3)
}

function without(secrets: readonly string[], text: string): string {
  let masked = text
  for (const secret of secrets) masked = masked.replaceAll(secret, '[redacted]')
  return masked
}
