/** Audit log entries in the JSON form of ModSecurity 3, with the parts that SecAuditLogParts asks for. */

import type { NamedValue } from './body/types.ts'
import type { Transaction } from './engine/transaction.ts'
import type { Match } from './engine/verdict.ts'
import { urlDecode } from './transform/decode.ts'

/** One message of part H. */
export interface AuditMessage {
  readonly message: string
  readonly details: {
    readonly match: string
    readonly ruleId: string
    readonly file: string
    readonly lineNumber: string
    readonly data: string
    readonly severity: string
    readonly ver: string
    readonly rev: string
    readonly tags: readonly string[]
    readonly maturity: string
    readonly accuracy: string
  }
}

/** An entry; byte strings are shown as Latin-1. */
export interface AuditEntry {
  readonly transaction: {
    readonly client_ip: string
    readonly time_stamp: string
    readonly client_port: number
    readonly host_ip: string
    readonly host_port: number
    readonly unique_id: string
    readonly request: {
      readonly method: string
      readonly http_version: string
      readonly uri: string
      readonly headers?: Record<string, string>
      readonly body?: string
    }
    readonly response: {
      readonly http_code?: number
      readonly headers?: Record<string, string>
      readonly body?: string
    }
    readonly producer?: {
      readonly connector: string
      readonly secrules_engine: string
      readonly components: readonly string[]
    }
    readonly messages?: readonly AuditMessage[]
  }
}

const MASK = '********'

function headersOf(list: readonly NamedValue[], kind: string, tx: Transaction): Record<string, string> {
  return Object.fromEntries(
    list.map(({ key, value }) => [key, tx.sanitised.has(`${kind}:${key.toLowerCase()}`) ? MASK : value]),
  )
}

const isMasked = (tx: Transaction, name: string): boolean => tx.sanitised.has(`args:${name.toLowerCase()}`)

/** Most different values that are looked for in a text: each costs a pass over it. */
const MAX_VALUES = 32

/** Values of arguments that `sanitise…` named, replaced wherever they stand as they are. */
function masked(text: string, tx: Transaction): string {
  if (tx.sanitised.size === 0) return text
  const values = new Set<string>()
  for (const { key, value } of [...tx.argsGet, ...tx.argsPost]) {
    if (value !== '' && isMasked(tx, key)) values.add(value)
  }
  // Nobody has so many secrets: then the text is not worth the time.
  if (values.size > MAX_VALUES) return MASK
  let out = text
  for (const value of values) out = out.replaceAll(value, MASK)
  return out
}

/** The same for `name=value` pairs, however they are encoded. */
function maskedPairs(text: string, tx: Transaction): string {
  if (tx.sanitised.size === 0) return text
  const pairs = text.replace(/([^&=?]*)=([^&]*)/g, (all, name: string) =>
    isMasked(tx, urlDecode(name)) ? `${name}=${MASK}` : all,
  )
  return masked(pairs, tx)
}

function message(match: Match, tx: Transaction): AuditMessage {
  return {
    message: match.message,
    details: {
      match: `Matched at ${match.variable}.`,
      ruleId: String(match.ruleId),
      file: match.file,
      lineNumber: String(match.line),
      data: masked(match.logData, tx),
      severity: match.severity < 0 ? '' : String(match.severity),
      ver: match.version,
      rev: match.revision,
      tags: match.tags,
      maturity: String(match.maturity),
      accuracy: String(match.accuracy),
    },
  }
}

/**
 * The entry for a transaction as it stands.
 * @param parts letters as in SecAuditLogParts: B request headers, C body, E response body, F response headers, H messages;
 *   by default those the rules ask for
 */
export function auditEntry(tx: Transaction, parts: string = tx.auditLogParts): AuditEntry {
  const has = (part: string): boolean => parts.includes(part)
  const { connection } = tx
  return {
    transaction: {
      client_ip: connection.clientIp,
      time_stamp: new Date(tx.started).toISOString(),
      client_port: connection.clientPort ?? 0,
      host_ip: connection.serverIp ?? '',
      host_port: connection.serverPort ?? 0,
      unique_id: tx.uniqueId,
      request: {
        method: tx.method,
        http_version: tx.protocol.replace(/^HTTP\//, ''),
        uri: maskedPairs(tx.rawUri, tx),
        ...(has('B') ? { headers: headersOf(tx.headers, 'request_headers', tx) } : {}),
        ...(has('C') || (has('I') && tx.processor !== 'MULTIPART') ? { body: maskedPairs(tx.bodyText, tx) } : {}),
      },
      response: {
        ...(tx.status === undefined ? {} : { http_code: Number(tx.status) }),
        ...(has('F') ? { headers: headersOf(tx.responseHeaderList, 'response_headers', tx) } : {}),
        ...(has('E') && tx.responseText !== undefined ? { body: tx.responseText } : {}),
      },
      ...(has('H')
        ? {
            producer: {
              connector: 'Portcullis',
              secrules_engine: tx.engine === 'On' ? 'Enabled' : tx.engine,
              components: tx.rules.config.componentSignatures,
            },
            messages: tx.matches.filter((m) => m.auditLogged).map((m) => message(m, tx)),
          }
        : {}),
    },
  }
}

/** Whether SecAuditEngine asks for an entry: always, never, or for a relevant status or a finding with `auditlog`. */
export function wantsAuditEntry(tx: Transaction): boolean {
  if (tx.auditEngine !== 'RelevantOnly') return tx.auditEngine === 'On'
  if (tx.matches.some((m) => m.auditLogged && m.logged)) return true
  return tx.rules.isRelevantStatus(tx.status ?? '')
}
