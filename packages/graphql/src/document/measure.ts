import {
  type FieldNode,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'
import { FaultError } from '../faults.ts'
import type { ReadDocument } from './read.ts'

/** The shape of an operation. Fragments count as often as they are spread. */
export interface Measure {
  /** Levels of fields: the root is 1, leaves count, fragments do not. */
  depth: number
  aliases: number
  directives: number
  /** Fields of this level. */
  fields: number
  introspects: boolean
}

/** Numbers stop here: twenty fragments that spread each other twice are a million fields. */
const MOST = 1_000_000_000
const DEEPEST = 500
/** How deep introspection may go where it is allowed; the usual query of tools has 13 levels. */
const DEEPEST_INTROSPECTION = 20

/**
 * Measures operations in one pass: each fragment is measured once, whatever spreads it.
 *
 * @throws FaultError for a cycle of fragments, one that does not exist, or nesting that no walk should follow.
 */
export class Measurer {
  readonly #document: ReadDocument
  readonly #fragments = new Map<string, Measure | 'open'>()

  constructor(document: ReadDocument) {
    this.#document = document
  }

  operation(operation: OperationDefinitionNode): Measure {
    const root = operation.operation === OperationTypeNode.QUERY ? 'query' : 'other'
    const measure = this.#selections(operation.selectionSet, 1, root)
    const own = (operation.directives ?? []).length
    const variables = (operation.variableDefinitions ?? []).reduce(
      (sum, { directives = [] }) => sum + directives.length,
      0,
    )
    return { ...measure, directives: add(measure.directives, own + variables) }
  }

  #selections(set: SelectionSetNode, level: number, root?: 'query' | 'other'): Measure {
    if (level > DEEPEST) throw new FaultError({ limit: 'max_depth', message: 'The document nests too deep' })
    const total: Measure = { depth: 0, aliases: 0, directives: 0, fields: 0, introspects: false }
    for (const selection of set.selections) {
      const own = this.#selection(selection, level, root)
      total.depth = Math.max(total.depth, own.depth)
      total.aliases = add(total.aliases, own.aliases)
      total.directives = add(total.directives, own.directives + (selection.directives ?? []).length)
      total.fields = add(total.fields, own.fields)
      total.introspects ||= own.introspects
    }
    return total
  }

  #selection(selection: SelectionNode, level: number, root?: 'query' | 'other'): Measure {
    if (selection.kind === Kind.FIELD) return this.#field(selection, level, root)
    if (selection.kind === Kind.INLINE_FRAGMENT) return this.#selections(selection.selectionSet, level + 1, root)
    return this.#fragment(selection.name.value, level)
  }

  #field(field: FieldNode, level: number, root?: 'query' | 'other'): Measure {
    const inner = field.selectionSet === undefined ? undefined : this.#selections(field.selectionSet, level + 1)
    const introspects = field.name.value === '__schema' || field.name.value === '__type'
    const depth = inner?.depth ?? 0
    // Only the root of a query has the real `__schema`; below it a name like that hides nothing.
    const free = introspects && root === 'query' && depth <= DEEPEST_INTROSPECTION
    return {
      depth: free ? 1 : 1 + depth,
      aliases: add(inner?.aliases ?? 0, field.alias === undefined ? 0 : 1),
      directives: inner?.directives ?? 0,
      fields: 1,
      introspects: introspects || inner?.introspects === true,
    }
  }

  #fragment(name: string, level: number): Measure {
    const known = this.#fragments.get(name)
    if (known === 'open')
      throw new FaultError({ limit: 'fragments', message: 'Fragments refer to each other in a circle' })
    if (known !== undefined) return known
    const fragment = this.#document.fragments.get(name)
    if (fragment === undefined) throw new FaultError({ limit: 'fragments', message: 'A fragment does not exist' })
    this.#fragments.set(name, 'open')
    const inner = this.#selections(fragment.selectionSet, level + 1)
    const measure = { ...inner, directives: add(inner.directives, (fragment.directives ?? []).length) }
    this.#fragments.set(name, measure)
    return measure
  }

  /** Measures the fragments that nothing spreads, so that their mistakes are found too. */
  rest(): void {
    for (const name of this.#document.fragments.keys()) this.#fragment(name, 1)
  }
}

function add(a: number, b: number): number {
  return Math.min(MOST, a + b)
}
