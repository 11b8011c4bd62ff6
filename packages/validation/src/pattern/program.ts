import { PatternError, type PatternNode } from './syntax.ts'

/** One instruction of a program: `set` takes one character, `fork` goes both ways, `match` ends. */
export type Instruction =
  | { op: 'set'; set: number; next: number }
  | { op: 'fork'; next: number; other: number }
  | { op: 'assert'; what: 'start' | 'end' | 'word' | 'not-word'; next: number }
  | { op: 'match' }

const MOST_INSTRUCTIONS = 3000

/**
 * Compiles a pattern into a program of a nondeterministic automaton (Thompson's construction). Counted repetitions are
 * written out, which is what bounds them.
 *
 * @throws PatternError for a pattern whose repetitions make more than 3,000 instructions.
 */
export function compileProgram(node: PatternNode): Instruction[] {
  const program: Instruction[] = []
  const add = (instruction: Instruction): number => {
    if (program.length >= MOST_INSTRUCTIONS) {
      throw new PatternError('repeats too much: write its counted repetitions smaller or with "*"')
    }
    return program.push(instruction) - 1
  }
  // Built from the end: every part is given where it goes on, and returns where it begins.
  const build = (part: PatternNode, next: number): number => {
    switch (part.kind) {
      case 'set':
        return add({ op: 'set', set: part.set, next })
      case 'assert':
        return add({ op: 'assert', what: part.what, next })
      case 'sequence':
        return part.items.reduceRight((after, item) => build(item, after), next)
      case 'choice':
        return part.items
          .map((item) => build(item, next))
          .reduceRight((other, begin) => add({ op: 'fork', next: begin, other }))
      case 'repeat':
        return repeat(part.item, part.min, part.max, next)
    }
  }
  const repeat = (item: PatternNode, min: number, max: number, next: number): number => {
    let begin = next
    if (max === Number.POSITIVE_INFINITY) {
      const loop = add({ op: 'fork', next: -1, other: next })
      program[loop] = { op: 'fork', next: build(item, loop), other: next }
      begin = loop
    } else for (let i = min; i < max; i++) begin = add({ op: 'fork', next: build(item, begin), other: next })
    for (let i = 0; i < min; i++) begin = build(item, begin)
    return begin
  }
  const begin = build(node, add({ op: 'match' }))
  add({ op: 'fork', next: begin, other: begin })
  return program
}
