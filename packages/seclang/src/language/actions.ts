/** Reads a rule's list of actions: `id:1,phase:2,deny,msg:'no, thanks',setvar:tx.score=+5`. */

import { RuleMistake, unknownName } from '../errors.ts'

/** One action. */
export interface ActionSpec {
  /** Name in lower case. */
  readonly name: string
  /** Argument without quotes; null when there was none. */
  readonly argument: string | null
}

/** `required`: whether the action needs an argument. */
const ACTIONS: Record<string, 'required' | 'none' | 'optional'> = {
  accuracy: 'required',
  allow: 'optional',
  auditlog: 'none',
  block: 'none',
  capture: 'none',
  chain: 'none',
  ctl: 'required',
  deny: 'none',
  deprecatevar: 'required',
  drop: 'none',
  expirevar: 'required',
  id: 'required',
  initcol: 'required',
  log: 'none',
  logdata: 'required',
  maturity: 'required',
  msg: 'required',
  multimatch: 'none',
  noauditlog: 'none',
  nolog: 'none',
  pass: 'none',
  phase: 'required',
  redirect: 'required',
  rev: 'required',
  sanitisearg: 'required',
  sanitisematched: 'none',
  sanitisematchedbytes: 'optional',
  sanitiserequestheader: 'required',
  sanitiseresponseheader: 'required',
  setenv: 'required',
  setrsc: 'required',
  setsid: 'required',
  setuid: 'required',
  setvar: 'required',
  severity: 'required',
  skip: 'required',
  skipafter: 'required',
  status: 'required',
  t: 'required',
  tag: 'required',
  ver: 'required',
  xmlns: 'required',
}

/** Known in ModSecurity, impossible or unwanted here; the reason is shown. */
const REFUSED: Record<string, string> = {
  append: 'rules do not change responses',
  exec: 'running programs from rules is not supported',
  marker: 'use SecMarker',
  pause: 'requests are not held back; see the rate limits of the gateway',
  prepend: 'rules do not change responses',
  proxy: 'a rule cannot choose the upstream; use routes of the gateway',
}

function skipSpace(text: string, from: number): number {
  let i = from
  while (i < text.length && /\s/.test(text[i]!)) i++
  return i
}

/** A value in single quotes; nginx's own quoting leaves `\'` at both ends, which is read alike. */
function readQuoted(text: string, start: number): [value: string, end: number] {
  const escaped = text[start] === '\\'
  let i = start + (escaped ? 2 : 1)
  let value = ''
  for (; i < text.length; i++) {
    if (text[i] === '\\' && text[i + 1] === "'") {
      if (escaped && /^\s*(?:,|$)/.test(text.slice(i + 2))) return [value, i + 2]
      value += "'"
      i++
    } else if (text[i] === "'" && !escaped) {
      return [value, i + 1]
    } else value += text[i]!
  }
  throw new RuleMistake(`quote is not closed: ${text.slice(start, start + 40)}`)
}

function readValue(text: string, start: number): [value: string, end: number] {
  if (text[start] === "'" || text.startsWith("\\'", start)) return readQuoted(text, start)
  let end = start
  // A quote inside a bare value, as in setvar:tx.msg='a,b', protects its commas too.
  for (let quoted = false; end < text.length && (quoted || text[end] !== ','); end++) {
    if (text[end] === '\\' && quoted) end++
    else if (text[end] === "'" && (quoted || text[end - 1] === '=')) quoted = !quoted
  }
  return [text.slice(start, end).trim(), Math.min(end, text.length)]
}

function check(name: string, argument: string | null): void {
  const refusal = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined
  if (refusal !== undefined) throw new RuleMistake(`action "${name}": ${refusal}`)
  const need = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
  if (need === undefined) throw unknownName('action', name, Object.keys(ACTIONS))
  if (need === 'required' && (argument === null || argument === '')) {
    throw new RuleMistake(`action "${name}" needs an argument`)
  }
  if (need === 'none' && argument !== null) throw new RuleMistake(`action "${name}" takes no argument`)
}

/**
 * Parses a list of actions.
 * @throws RuleMistake for an unknown action, a missing argument, an open quote
 */
export function parseActions(text: string): ActionSpec[] {
  const actions: ActionSpec[] = []
  let i = 0
  for (;;) {
    while (i < text.length && /[\s,]/.test(text[i]!)) i++
    if (i >= text.length) return actions
    const start = i
    while (i < text.length && text[i] !== ':' && text[i] !== ',') i++
    const name = text
      .slice(start, i)
      .trim()
      .toLowerCase()
      .replace(/^sanitize/, 'sanitise')
    let argument: string | null = null
    if (text[i] === ':') {
      const [value, end] = readValue(text, skipSpace(text, i + 1))
      argument = value
      i = skipSpace(text, end)
      if (i < text.length && text[i] !== ',') {
        throw new RuleMistake(`expected a comma before "${text.slice(i, i + 30)}" in the actions`)
      }
    }
    check(name, argument)
    actions.push({ name, argument })
  }
}
