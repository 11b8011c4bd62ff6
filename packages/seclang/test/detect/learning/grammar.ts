import { lettersOf } from '../../../src/detect/sql-fingerprints.ts'
import { readSql } from '../../../src/detect/sqli.ts'

/** A text for each letter of a fingerprint. */
const SAMPLES: Readonly<Record<string, string>> = {
  '1': '1',
  S: "'x'",
  N: 'foo',
  V: '@x',
  F: 'sleep',
  E: 'select',
  K: 'from',
  T: 'exec',
  t: 'int',
  U: 'union',
  B: 'having',
  O: '=',
  A: 'collate',
  C: '/**/',
  '&': 'and',
}

/** The fingerprint of a text in which each letter stands for a token of its class. */
export function foldLetters(letters: string): string {
  const text = [...letters].map((letter) => SAMPLES[letter] ?? letter).join(' ')
  return lettersOf(readSql(text, '', false).tokens).toUpperCase()
}

/**
 * What an injection can be, as letters: names in angle brackets stand for one of their alternatives, a number before an alternative
 * for how often it is taken. Values close what they stand in, go on with a condition, another query, a statement or a clause, and
 * hide the rest; or are a whole expression or statement.
 */
const RULES: Readonly<Record<string, string>> = {
  injection: '8 <head><close><go><end>|1 <expr><end>|1 <select><end>|1 <statement><end>',
  head: '10 1|10 S|4 N|2 V|2 <call>|1 1N|1 NN|1 SN|1 SK|3 ',
  close: '5 |2 )',
  go: '8 &<expr>|4 O<expr>|6 <union>|6 ;<statement>|4 <clause>|1 ,<expr>|1 ,<expr>)|1 <statement>|1 K<expr>|1 A<type>|1 A<type><go>|1 <query>|1 ',
  end: '6 |4 C|2 ;|1 ;C|2 )|1 )C|2 &<value>|1 O<value>|1 <go>|1 &<value>O<value>',
  value: '4 1|3 S|2 N|2 V',
  type: '1 N|1 t',
  args: '1 |3 <expr>|1 <expr>N|2 <expr>,<expr>|1 <expr>Kt|1 <expr>K<expr>',
  call: '6 F(<args>)|1 N(<args>)|1 F',
  query: '1 (<select>)',
  case: '1 EK<expr>K<expr>N|1 EK<expr>K<expr>K<expr>N|1 E<expr>K<expr>K<expr>N|1 E<expr>K<expr>K<expr>K<expr>N',
  atom: '30 <value>|12 <call>|4 (<expr>)|4 <query>|2 <case>|1 F<query>|1 t<value>|1 N.N|1 {N<expr>}|1 KNK(S)',
  expr: '20 <atom>|16 <atom>O<expr>|8 <atom>&<expr>|2 <atom>O(<args>)|1 <atom>A<type>|1 <atom>O<atom>K<atom>|1 <atom>OF<query>',
  list: '6 <expr>|1 <expr>S|2 <expr>N|2 <expr>KN|2 O|1 <expr>,<expr>',
  from: '8 KN|2 KNN|1 K<query>|1 K<query>N|1 KNKN|1 KNKNK<expr>|1 K<call>',
  clause: '6 B<expr>|2 B<expr>,<expr>|2 B<expr>K|2 B1N1|2 KS|1 F(|1 KN',
  what: '12 <list>|1 K<list>|1 K1<list>',
  where: '10 |5 <from>|3 <from>K<expr>',
  select: '6 E<what><where>|1 E<what><where><clause>|1 E<what><where><union>',
  union: '18 U<select>|6 U<query>|1 UO<query>|1 UK<select>',
  statement:
    '6 <select>|1 <query>|1 <select>;<statement>|1 N:<statement>|1 TN;<statement>|4 <command>|2 T(<expr>)|2 TF<args>|2 TV<type>|1 TV<type>(1)|1 TV<type>;<statement>|1 TV<type><statement>|2 EVO<expr>|' +
    '2 ES|1 TNK(<args>)|1 TN(<args>)K(<args>)|1 ENENO<expr>|1 ENENO<expr>K<expr>|2 TKN|1 TKNK<expr>|1 T|1 T<statement>|' +
    '2 T(<expr>)<statement>|2 T<expr><statement>|1 ENN|1 EN(|1 T<expr>|1 K<list>',
  command: '2 TN|2 TNN|1 TN<list>|1 TN.N|1 TF<call>|1 TFS',
}

interface Choice {
  weight: number
  parts: string[]
}

function parse(alternatives: string): Choice[] {
  return alternatives.split('|').map((alternative) => {
    const [, weight, text] = /^(\d+) (.*)$/.exec(alternative)!
    return { weight: Number(weight), parts: text!.match(/<[a-z]+>|[^<]+/g) ?? [] }
  })
}

const GRAMMAR = new Map(Object.entries(RULES).map(([name, alternatives]) => [`<${name}>`, parse(alternatives)]))
/** What stands for an expression where a text has become long enough: only its first tokens count. */
const LONG = 10

/** Random numbers from 0 to 1, the same ones each time. */
function randomNumbers(): () => number {
  let state = 12345
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
}

function choose(choices: readonly Choice[], chance: number): readonly string[] {
  let left = chance * choices.reduce((sum, { weight }) => sum + weight, 0)
  for (const { weight, parts } of choices) {
    left -= weight
    if (left < 0) return parts
  }
  return choices[0]!.parts
}

function derive(random: () => number): string {
  const open = ['<injection>']
  let text = ''
  while (open.length > 0 && text.length < 14) {
    const part = open.pop()!
    const choices = GRAMMAR.get(part)
    if (choices === undefined) text += part
    else if (text.length >= LONG && (part === '<expr>' || part === '<statement>')) text += '1'
    else {
      const parts = choose(choices, random())
      for (let at = parts.length - 1; at >= 0; at--) open.push(parts[at]!)
    }
  }
  return text.slice(0, 14)
}

/** How many of `samples` injections written by the grammar have which fingerprint. */
export function grammaticalFingerprints(samples: number): Map<string, number> {
  const random = randomNumbers()
  const folded = new Map<string, string>()
  const counts = new Map<string, number>()
  for (let sample = 0; sample < samples; sample++) {
    const letters = derive(random)
    let fingerprint = folded.get(letters)
    if (fingerprint === undefined) {
      fingerprint = foldLetters(letters)
      folded.set(letters, fingerprint)
    }
    counts.set(fingerprint, (counts.get(fingerprint) ?? 0) + 1)
  }
  return counts
}
