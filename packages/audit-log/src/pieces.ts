import type { Decision, Identity } from '@portcullis/core'
import type { Entry } from './entry.ts'
import { jsonText, quote } from './json-text.ts'
import type { Redaction } from './redaction.ts'

/** Most decisions of one line; the rest is counted. */
const MAX_DECISIONS = 64
/** Most headers of one line. */
const MAX_HEADERS = 100

/** Every decision, in order, as a JSON list. */
export function decisionsText(decisions: readonly Decision[], redaction: Redaction): string {
  let text = '['
  const count = Math.min(decisions.length, MAX_DECISIONS)
  for (let i = 0; i < count; i++) {
    const { component, code, mode, status, message, detail } = decisions[i]!
    text += `${i === 0 ? '' : ','}{"component":${quote(component)},"code":${quote(code)},"mode":"${mode}"`
    if (status !== undefined) text += `,"status":${status}`
    if (message !== undefined) text += `,"message":${quote(message)}`
    if (detail !== undefined) text += `,"detail":${jsonText(detail, 8192, (name) => redaction.hidesField(name))}`
    text += '}'
  }
  if (decisions.length > count) text += `,{"more":${decisions.length - count}}`
  return `${text}]`
}

/** An identity as a JSON object: never the credential, and of the claims nothing that was not asked for. */
export function identityText({ kind, subject, keyId, roles }: Identity): string {
  let text = `{"kind":${quote(kind)}`
  if (subject !== undefined) text += `,"subject":${quote(subject, 256)}`
  if (keyId !== undefined) text += `,"key_id":${quote(keyId, 256)}`
  if (roles !== undefined && roles.length > 0) text += `,"roles":${jsonText(roles, 2048)}`
  return `${text}}`
}

/** Most characters of one fact: a firewall's audit entry with the heads of its bodies fits. */
const MAX_FACT = 131_072

/** The facts of a request beside the upstream's, as a JSON object; undefined when there are none. */
export function factsText(facts: Readonly<Record<string, unknown>>, redaction: Redaction): string | undefined {
  let text = ''
  for (const name in facts) {
    if (name === 'upstream') continue
    const value = redaction.hidesField(name)
      ? '"[redacted]"'
      : jsonText(facts[name], MAX_FACT, (inner) => redaction.hidesField(inner))
    text += `${text === '' ? '' : ','}${quote(name)}:${value}`
  }
  return text === '' ? undefined : `{${text}}`
}

/** The same as plain values. */
export function factValues(facts: Readonly<Record<string, unknown>>, redaction: Redaction): unknown {
  const text = factsText(facts, redaction)
  return text === undefined ? undefined : JSON.parse(text)
}

/** A text of at most so many characters. */
export function cut(text: string | undefined, limit: number): string | undefined {
  return text === undefined || text.length <= limit ? text : `${text.slice(0, limit)}...(+${text.length - limit})`
}

/** Every decision as plain objects, with details that are short and hold no secrets. */
export function decisionValues(decisions: readonly Decision[], redaction: Redaction): unknown[] {
  return JSON.parse(decisionsText(decisions, redaction)) as unknown[]
}

type Headers = Readonly<Record<string, number | string | readonly string[] | undefined>>

/** Headers without their secrets, at most a hundred. */
export function headerValues(headers: Headers, redaction: Redaction): Record<string, string> {
  const shown: Record<string, string> = Object.create(null) as Record<string, string>
  for (const name of Object.keys(headers).slice(0, MAX_HEADERS)) {
    const value = headerText(headers[name])
    if (value !== undefined) shown[name] = cut(redaction.header(name.toLowerCase(), value), 1024)!
  }
  return shown
}

/** The path's query without its secrets; undefined when there is none. */
export function queryText(entry: Entry, redaction: Redaction): string | undefined {
  if (entry.query === undefined) return undefined
  return redaction.query(entry.query.slice(0, 4096), entry.state?.hiddenQuery)
}

/** A header that may be missing or repeated, as one text. */
export function headerText(value: number | string | readonly string[] | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value
  return typeof value === 'number' ? String(value) : value.join(', ')
}
