import type { ConfigIssue } from '@portcullis/core'
import type { HeadersConfig } from './config.ts'
import { compileTemplate, type Direction, type Template } from './template.ts'

/** One change of the headers; names in lower case. */
export type Rule =
  | { kind: 'delete'; name: string }
  | { kind: 'rename'; name: string; to: string }
  | { kind: 'replace' | 'add' | 'append'; name: string; value: Template }

/** The rules of a block in the order in which they apply, and what is wrong with it. */
export interface Rules {
  rules: Rule[]
  issues: ConfigIssue[]
}

const TOKEN = /^[a-z0-9!#$%&'*+.^_`|~-]+$/

/** Headers of the connection, of framing and of routing (RFC 9110 section 7.6.1): the server's and the proxy's alone. */
const RESERVED = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Reads a block: every mistake is found, none throws. The order is Kong's: delete, rename, replace, add, append. */
export function readRules(config: HeadersConfig, direction: Direction): Rules {
  const rules: Rule[] = []
  const issues: ConfigIssue[] = []
  const nameOf = (written: string, place: string): string | undefined => {
    const name = written.trim().toLowerCase()
    const problem = nameProblem(name, written)
    if (problem !== undefined) issues.push({ place, message: problem })
    return problem === undefined ? name : undefined
  }
  config.delete?.forEach((written, i) => {
    const name = nameOf(written, `.delete[${i}]`)
    if (name !== undefined) rules.push({ kind: 'delete', name })
  })
  for (const { written, value, place } of entries(config.rename, '.rename', issues)) {
    const [name, to] = [nameOf(written, place), nameOf(value, place)]
    if (name !== undefined && to !== undefined) rules.push({ kind: 'rename', name, to })
  }
  for (const kind of ['replace', 'add', 'append'] as const) {
    for (const { written, value, place } of entries(config[kind], `.${kind}`, issues)) {
      const name = nameOf(written, place)
      try {
        const template = compileTemplate(value, direction)
        if (name !== undefined) rules.push({ kind, name, value: template })
      } catch (error) {
        issues.push({ place, message: (error as Error).message })
      }
    }
  }
  return { rules, issues }
}

interface Entry {
  written: string
  value: string
  place: string
}

/** The entries of a field in any of its spellings; a name stated twice is a mistake. */
function entries(values: unknown, place: string, issues: ConfigIssue[]): Entry[] {
  if (values === undefined) return []
  if (!Array.isArray(values)) {
    const nested = (values as { headers?: unknown }).headers
    if (Array.isArray(nested)) return entries(nested, `${place}.headers`, issues)
  }
  const found: Entry[] = Array.isArray(values)
    ? values.flatMap((line: string, i) => fromLine(line, `${place}[${i}]`, issues))
    : Object.entries(values as Record<string, string | readonly string[]>).map(([written, value]) => {
        const at = `${place}[${JSON.stringify(written)}]`
        return { written, value: oneValue(written, value, at, issues), place: at }
      })
  const seen = new Set<string>()
  for (const entry of found) {
    const name = entry.written.trim().toLowerCase()
    if (seen.has(name)) issues.push({ place: entry.place, message: `"${entry.written}" stands there twice` })
    seen.add(name)
  }
  return found
}

/** KrakenD lists the values of a header: they are one line with commas (RFC 9110 section 5.3), save for cookies. */
function oneValue(written: string, value: string | readonly string[], place: string, issues: ConfigIssue[]): string {
  if (typeof value === 'string') return value
  if (value.length > 1 && /^\s*(set-)?cookie\s*$/i.test(written))
    issues.push({ place, message: 'expected one value: cookies cannot be joined' })
  return value.join(', ')
}

/** `Name: value`; later colons belong to the value. */
function fromLine(line: string, place: string, issues: ConfigIssue[]): Entry[] {
  const colon = line.indexOf(':')
  if (colon > 0) return [{ written: line.slice(0, colon), value: line.slice(colon + 1).trim(), place }]
  issues.push({ place, message: `expected "Name: value", got "${line}"` })
  return []
}

function nameProblem(name: string, written: string): string | undefined {
  if (!TOKEN.test(name)) return `"${written}" is no header name`
  if (RESERVED.has(name)) return `"${written}" belongs to the connection and cannot be changed`
  return undefined
}
