import { type FieldNode, Kind, type OperationDefinitionNode, type ValueNode, valueFromASTUntyped } from 'graphql'

/** What stands for "is there, but nobody knows what it is". */
export const UNKNOWN: unique symbol = Symbol('unknown')

/** The values of arguments, with the variables of one request. */
export class ArgumentValues {
  readonly #variables: Readonly<Record<string, unknown>>
  readonly #defaults = new Map<string, unknown>()
  /** By variable: the largest length found in it. A variable may be used in many places. */
  readonly #found = new Map<string, number | undefined>()

  constructor(operation: OperationDefinitionNode, variables: Readonly<Record<string, unknown>>) {
    this.#variables = variables
    for (const { variable, defaultValue } of operation.variableDefinitions ?? []) {
      this.#defaults.set(
        variable.name.value,
        defaultValue === undefined ? undefined : valueFromASTUntyped(defaultValue),
      )
    }
  }

  /** Is the argument given? A variable without a value is as good as none. */
  value(field: FieldNode, name: string): unknown {
    const argument = field.arguments?.find((each) => each.name.value === name)
    return argument === undefined ? undefined : this.#resolve(argument.value)
  }

  /**
   * The largest length that a value says: a whole number from 1, also in a text or inside of an object under one of the names. What is
   * given but says no length is {@link UNKNOWN}.
   */
  length(field: FieldNode, names: ReadonlySet<string>): number | typeof UNKNOWN | undefined {
    let given = false
    let largest: number | undefined
    for (const argument of field.arguments ?? []) {
      const named = names.has(argument.name.value)
      const found = this.#lengthOf(argument.value, names, named)
      given ||= named
      if (found !== undefined) largest = Math.max(largest ?? 0, found)
    }
    return largest ?? (given ? UNKNOWN : undefined)
  }

  #lengthOf(node: ValueNode, names: ReadonlySet<string>, named: boolean): number | undefined {
    if (node.kind === Kind.VARIABLE) {
      const name = node.name.value
      if (named) return lengthIn(this.#resolve(node), names, true)
      if (!this.#found.has(name)) this.#found.set(name, lengthIn(this.#resolve(node), names, false))
      return this.#found.get(name)
    }
    if (node.kind === Kind.OBJECT) {
      return largest(node.fields.map((field) => this.#lengthOf(field.value, names, names.has(field.name.value))))
    }
    if (node.kind === Kind.LIST) return largest(node.values.map((value) => this.#lengthOf(value, names, named)))
    return named ? lengthOf(valueFromASTUntyped(node)) : undefined
  }

  #resolve(node: ValueNode): unknown {
    if (node.kind !== Kind.VARIABLE) return valueFromASTUntyped(node, this.#variables as Record<string, unknown>)
    const name = node.name.value
    return Object.hasOwn(this.#variables, name) ? this.#variables[name] : this.#defaults.get(name)
  }
}

/** A length, as a list's argument says it; undefined for what is none: zero, negative, a fraction, null. */
export function lengthOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !(number >= 1)) return undefined
  if (number >= Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER
  return Number.isInteger(number) ? number : undefined
}

function lengthIn(value: unknown, names: ReadonlySet<string>, named: boolean): number | undefined {
  if (Array.isArray(value)) return largest(value.map((item) => lengthIn(item, names, named)))
  if (typeof value === 'object' && value !== null) {
    return largest(Object.entries(value).map(([name, inner]) => lengthIn(inner, names, names.has(name))))
  }
  return named ? lengthOf(value) : undefined
}

function largest(lengths: readonly (number | undefined)[]): number | undefined {
  return lengths.reduce((most, length) => (length === undefined ? most : Math.max(most ?? 0, length)), undefined)
}
