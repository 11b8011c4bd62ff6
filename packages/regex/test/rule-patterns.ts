import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A pattern of a rule set. */
export interface RulePattern {
  /** Rule id, or the file for a selector. */
  id: string
  version: string
  pattern: string
}

const HOME = fileURLToPath(new URL('../../../../shared/crs', import.meta.url))
export const VERSIONS: readonly string[] = ['4.28.0', '3.3.4']

/** Are the rule sets beside the checkout? */
export const haveRules: boolean = VERSIONS.every((version) => existsSync(join(HOME, version, 'rules')))

/** Every distinct pattern of `@rx` operators and regex selectors of both rule sets, as byte strings. */
export function rulePatterns(): RulePattern[] {
  const seen = new Map<string, RulePattern>()
  if (!haveRules) return []
  for (const version of VERSIONS) {
    const folder = join(HOME, version, 'rules')
    for (const file of readdirSync(folder).sort()) {
      if (!/\.conf(\.example)?$/.test(file)) continue
      const text = readFileSync(join(folder, file), 'latin1').replace(/\\\n\s*/g, '')
      for (const [line] of text.matchAll(/^\s*SecRule\s.*/gm)) collect(line, version, file, seen)
    }
  }
  return [...seen.values()]
}

function collect(line: string, version: string, file: string, seen: Map<string, RulePattern>): void {
  const found = /^\s*SecRule\s+("(?:\\.|[^"\\])*"|\S+)\s+"((?:\\.|[^"\\])*)"(.*)$/.exec(line)
  if (!found) return
  const id = /\bid:(\d+)/.exec(found[3]!)?.[1] ?? `${file} (chained)`
  const operator = found[2]!.replace(/\\"/g, '"')
  const pattern = /^!?@rx\s+(.*)$/s.exec(operator)?.[1] ?? (/^!?@/.test(operator) ? undefined : operator)
  if (pattern !== undefined && !seen.has(pattern)) seen.set(pattern, { id, version, pattern })
  for (const [, selector] of found[1]!.matchAll(/:'?\/((?:\\\/|[^/|])+)\/'?/g)) {
    const text = `(?i)${selector}`
    if (!seen.has(text)) seen.set(text, { id: `${id} selector`, version, pattern: text })
  }
}
