import {
  type FieldNode,
  type GraphQLInputType,
  type GraphQLNamedType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { FaultError } from '../faults.ts'
import { ArgumentValues, lengthOf, UNKNOWN } from './arguments.ts'
import type { ReadDocument } from './read.ts'
import type { FieldWeight, Weights } from './weights.ts'

/** How complexity is counted. */
export interface CostOptions {
  weights: Weights | undefined
  /** Names of arguments that say how long a list is. */
  listArguments: ReadonlySet<string>
  defaultListSize: number
}

/** Lengths that a field gives to fields below it (`sizedFields`). */
type Sized = ReadonlyMap<string, number> | undefined

const MOST = Number.MAX_SAFE_INTEGER

/**
 * The complexity of an operation with its variables: each object weighs 1 and each leaf 0, times the lengths of the lists around it;
 * a schema's `@cost` and `@listSize` say otherwise. Both sides of `@include` and `@skip` count. Each fragment is counted once for
 * each way in which it is used, so time is bounded by the document's size.
 *
 * The document was measured before: its fragments exist and have no cycle.
 *
 * @throws FaultError when a list must say its length and does not.
 */
export function complexity(
  document: ReadDocument,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  options: CostOptions,
): number {
  const root = options.weights?.schema.getRootType(operation.operation) ?? undefined
  return new Counter(document, new ArgumentValues(operation, variables), options).selections(
    operation.selectionSet,
    root,
    undefined,
  )
}

class Counter {
  readonly #document: ReadDocument
  readonly #values: ArgumentValues
  readonly #options: CostOptions
  readonly #fragments = new Map<string, number>()

  constructor(document: ReadDocument, values: ArgumentValues, options: CostOptions) {
    this.#document = document
    this.#values = values
    this.#options = options
  }

  selections(set: SelectionSetNode, parent: GraphQLNamedType | undefined, sized: Sized): number {
    let sum = 0
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) sum = add(sum, this.#field(selection, parent, sized))
      else if (selection.kind === Kind.INLINE_FRAGMENT) {
        sum = add(
          sum,
          this.selections(selection.selectionSet, this.#type(selection.typeCondition?.name.value, parent), sized),
        )
      } else sum = add(sum, this.#fragment(selection.name.value, parent, sized))
    }
    return sum
  }

  #fragment(name: string, parent: GraphQLNamedType | undefined, sized: Sized): number {
    const key = sized === undefined ? name : `${name} ${JSON.stringify([...sized])}`
    let cost = this.#fragments.get(key)
    if (cost === undefined) {
      const fragment = this.#document.fragments.get(name)!
      cost = this.selections(fragment.selectionSet, this.#type(fragment.typeCondition.name.value, parent), sized)
      this.#fragments.set(key, cost)
    }
    return cost
  }

  #type(name: string | undefined, parent: GraphQLNamedType | undefined): GraphQLNamedType | undefined {
    return name === undefined ? parent : this.#options.weights?.schema.getType(name)
  }

  #field(field: FieldNode, parent: GraphQLNamedType | undefined, sized: Sized): number {
    const weight = this.#options.weights?.field(parent, field.name.value)
    const known = sized?.get(field.name.value)
    if (weight === undefined) return this.#plainField(field)
    const own = this.#length(field, weight)
    const { sizedFields = [] } = weight.listSize ?? {}
    const below = sizedFields.length === 0 ? undefined : new Map(sizedFields.map((name) => [name, own]))
    const children = field.selectionSet === undefined ? 0 : this.selections(field.selectionSet, weight.returns, below)
    const times = known ?? (below === undefined ? own : weight.list ? this.#options.defaultListSize : 1)
    return add(
      Math.max(0, weight.call + this.#argumentsCost(field, weight)),
      multiply(times, add(weight.type, children)),
    )
  }

  /** Without a schema a field with a selection is an object, and a list if an argument says so. */
  #plainField(field: FieldNode): number {
    if (field.selectionSet === undefined) return 0
    const introspects = field.name.value.startsWith('__')
    const length = introspects ? undefined : this.#values.length(field, this.#options.listArguments)
    const times = length === undefined ? 1 : length === UNKNOWN ? this.#options.defaultListSize : length
    return multiply(times, add(1, this.selections(field.selectionSet, undefined, undefined)))
  }

  /** How many objects a field returns, or gives to its sized fields. */
  #length(field: FieldNode, { listSize, list, arguments: declared }: FieldWeight): number {
    const { listArguments, defaultListSize } = this.#options
    if (listSize === undefined) {
      if (!list) return 1
      const length = this.#values.length(field, listArguments)
      if (typeof length === 'number') return length
      const defaults = [...listArguments].flatMap((name) => lengthOf(declared.get(name)?.defaultValue) ?? [])
      return defaults.length === 0 ? defaultListSize : Math.max(...defaults)
    }
    const given = listSize.slicingArguments.flatMap((path) => {
      const value = this.#sliced(field, path, declared)
      return value === undefined ? [] : [value]
    })
    if (listSize.requireOne && given.length !== 1) {
      throw new FaultError({
        limit: 'max_complexity',
        message: 'A list needs exactly one argument that says its length',
      })
    }
    const lengths = given.map((value) => lengthOf(value) ?? defaultListSize)
    return lengths.length > 0 ? Math.max(...lengths) : (listSize.assumedSize ?? defaultListSize)
  }

  /** A slicing argument, also `input.first`; its default counts as if it was sent. */
  #sliced(field: FieldNode, path: string, declared: FieldWeight['arguments']): unknown {
    const [name = '', ...inner] = path.split('.')
    let value = this.#values.value(field, name) ?? declared.get(name)?.defaultValue
    for (const part of inner) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
      value = (value as Record<string, unknown>)[part]
    }
    return value
  }

  /** `@cost` on the arguments that are given, and on what is inside of them; the sum may be negative. */
  #argumentsCost(field: FieldNode, weight: FieldWeight): number {
    let sum = 0
    for (const [name, { weight: own, type, defaultValue }] of weight.arguments) {
      const value = this.#values.value(field, name) ?? defaultValue
      if (value !== undefined) sum += own + this.#inputCost(type, value)
    }
    return sum
  }

  #inputCost(type: GraphQLInputType, value: unknown): number {
    if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + this.#inputCost(type, item), 0)
    if (typeof value !== 'object' || value === null) return 0
    let sum = 0
    for (const [name, inner] of Object.entries(value)) {
      const field = this.#options.weights?.inputField(type, name)
      if (field !== undefined) sum += field.weight + this.#inputCost(field.type, inner)
    }
    return sum
  }
}

function add(a: number, b: number): number {
  return Math.min(MOST, a + b)
}

function multiply(a: number, b: number): number {
  return Math.min(MOST, a * b)
}
