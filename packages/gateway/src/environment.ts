import type { ConfigIssue } from '@portcullis/core'
import { isComment, type Kind, kindOf } from './comments.ts'

const VARIABLE = /\$\{([A-Z_][A-Z0-9_]*)(?::-([^}]*))?\}/g

/** A document with its `${ENV}` variables filled in. */
export interface Substituted {
  document: unknown
  issues: ConfigIssue[]
  /** Places whose whole text came from a variable: there a number or a boolean may be meant. */
  filled: Map<string, { holder: Holder; key: string | number }>
}

type Holder = Record<string | number, unknown>

/**
 * Replaces `${ENV}` and `${ENV:-default}` in every text of a document. Names are capitals, so that the templates of
 * `modifier/*` and `telemetry/audit-log` (`${claims.sub}`) stay. A variable that is not set and has no default is a
 * mistake. Comments are left out.
 */
export function substitute(document: unknown, environment: NodeJS.ProcessEnv): Substituted {
  const issues: ConfigIssue[] = []
  const filled: Substituted['filled'] = new Map()

  function text(value: string, place: string): string {
    return value.replace(VARIABLE, (_whole, name: string, fallback: string | undefined) => {
      const found = environment[name]
      if (found !== undefined && (found !== '' || fallback === undefined)) return found
      if (fallback !== undefined) return fallback
      issues.push({ place, message: `the environment variable ${name} is not set` })
      return ''
    })
  }

  function walk(value: unknown, place: string, kind: Kind): unknown {
    if (typeof value === 'string') return text(value, place)
    if (Array.isArray(value)) {
      const items: unknown[] = []
      for (const [index, item] of value.entries()) put(items as never, index, item, `${place}[${index}]`, kind)
      return items
    }
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
    const result: Record<string, unknown> = {}
    for (const [key, content] of Object.entries(value)) {
      if (isComment(kind, key)) continue
      put(result, key, content, place + memberPlace(key, place === ''), kind)
    }
    return result
  }

  function put(holder: Holder, key: string | number, content: unknown, place: string, kind: Kind): void {
    const value = walk(content, place, kindOf(kind, key, place))
    // As JSON.parse does it: an assignment to `__proto__` would change the object instead.
    Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true })
    if (typeof content === 'string' && /^\$\{[^}]*\}$/.test(content)) filled.set(place, { holder, key })
  }

  return { document: walk(document, '', 'config'), issues, filled }
}

/** `.name` or `["odd name"]`, as one would write it in code. */
function memberPlace(key: string, first: boolean): string {
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `[${JSON.stringify(key)}]`
  return first ? key : `.${key}`
}

/** Where a filled-in text stands for a number or a boolean, makes it one. True when anything changed. */
export function convertFilled(issues: readonly ConfigIssue[], filled: Substituted['filled']): boolean {
  let changed = false
  for (const { place } of issues) {
    const found = filled.get(place)
    if (found === undefined) continue
    const text = String(found.holder[found.key])
    const value = /^-?[0-9]+(\.[0-9]+)?$/.test(text)
      ? Number(text)
      : text === 'true'
        ? true
        : text === 'false'
          ? false
          : undefined
    if (value === undefined) continue
    found.holder[found.key] = value
    filled.delete(place)
    changed = true
  }
  return changed
}
