import type { Budget } from '../schema/budget.ts'
import { Automaton } from './automaton.ts'
import { compileProgram } from './program.ts'
import { type PatternNode, parsePattern } from './syntax.ts'

/**
 * A regular expression of a schema that is matched in linear time whatever the text: `^(a+)+$` is as cheap as `^a+$`.
 * It stands in for `RegExp` in compiled schemas.
 */
export class LinearPattern {
  readonly source: string
  readonly #budget: Budget
  readonly #conditions: readonly { negated: boolean; automaton: Automaton }[]

  /**
   * @param source an ECMA-262 pattern.
   * @param budget what matching is charged to.
   * @throws PatternError when it is no pattern, or needs what cannot be matched in linear time.
   */
  constructor(source: string, budget: Budget) {
    this.source = source
    this.#budget = budget
    const { node, lookaheads, sets, unicode } = parsePattern(source)
    const parts = [
      ...lookaheads.map((ahead) => ({ negated: ahead.negated, node: fromStart(ahead.node) })),
      { negated: false, node },
    ]
    this.#conditions = parts.map((part) => ({
      negated: part.negated,
      automaton: new Automaton(compileProgram(part.node), sets, { unicode, anchored: isAnchored(part.node) }),
    }))
  }

  /** Does the text hold a match? @throws BudgetError when that would take too long. */
  test(text: string): boolean {
    return this.#conditions.every(({ negated, automaton }) => automaton.test(text, this.#budget) !== negated)
  }

  toString(): string {
    return `/${this.source}/`
  }
}

function fromStart(node: PatternNode): PatternNode {
  return { kind: 'sequence', items: [{ kind: 'assert', what: 'start' }, node] }
}

function isAnchored(node: PatternNode): boolean {
  if (node.kind === 'assert') return node.what === 'start'
  if (node.kind === 'choice') return node.items.every(isAnchored)
  return node.kind === 'sequence' && node.items[0] !== undefined && isAnchored(node.items[0])
}
