import { type AuditEntry, auditEntry, wantsAuditEntry } from '@portcullis/seclang'
import type { Inspection } from './inspection.ts'

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
  const shown = tx.matches.filter((match) => match.auditLogged).map(({ variable }) => redaction.mayShow(variable))
  const masked = messages.map((message, i) =>
    shown[i] === true ? message : { ...message, details: { ...message.details, data: '' } },
  )
  return { transaction: { ...entry.transaction, messages: masked } }
}
