import { readFileSync } from 'node:fs'
import {
  buildASTSchema,
  type ConstDirectiveNode,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isObjectType,
  isUnionType,
  Kind,
  OverlappingFieldsCanBeMergedRule,
  parse,
  specifiedRules,
  type ValidationRule,
  validateSchema,
  valueFromASTUntyped,
  visit,
} from 'graphql'

/** `@listSize` on a field (IBM's cost directives). */
interface ListSize {
  assumedSize: number | undefined
  slicingArguments: readonly string[]
  sizedFields: readonly string[]
  requireOne: boolean
}

/** What a field costs, apart from its children. */
export interface FieldWeight {
  /** `@cost` on the field itself, once for each call. */
  call: number
  /** Of its type, for each object that it returns. */
  type: number
  list: boolean
  listSize: ListSize | undefined
  arguments: ReadonlyMap<string, { weight: number; type: GraphQLInputType; defaultValue: unknown }>
  returns: GraphQLNamedType
}

const DIRECTIVES = `
directive @cost(weight: String!) on ARGUMENT_DEFINITION | ENUM | FIELD_DEFINITION | INPUT_FIELD_DEFINITION | OBJECT | SCALAR
directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION
`

/**
 * The rules of the specification, without the one that compares fields with each other: its time is quadratic, and what it finds is no
 * danger to the gateway.
 */
export const RULES: readonly ValidationRule[] = specifiedRules.filter(
  (rule) => rule !== OverlappingFieldsCanBeMergedRule,
)

/**
 * Reads a schema in SDL.
 *
 * @throws Error that says what is wrong with it.
 */
export function readSchema(file: string): GraphQLSchema {
  const document = parse(readFileSync(file, 'utf8'))
  const defined = new Set(
    document.definitions.flatMap((node) => (node.kind === Kind.DIRECTIVE_DEFINITION ? [node.name.value] : [])),
  )
  const added = parse(DIRECTIVES).definitions.filter(
    (node) => node.kind === Kind.DIRECTIVE_DEFINITION && !defined.has(node.name.value),
  )
  const schema = buildASTSchema(
    { kind: Kind.DOCUMENT, definitions: [...document.definitions, ...added] },
    { assumeValidSDL: true },
  )
  const [mistake] = validateSchema(schema)
  if (mistake !== undefined) throw mistake
  visit(document, {
    Directive(node) {
      if (node.name.value === 'cost') weightOf([node as ConstDirectiveNode])
    },
  })
  return schema
}

/** Weights of a schema, looked up by type and field. */
export class Weights {
  readonly schema: GraphQLSchema
  readonly #fields = new Map<string, Map<string, FieldWeight>>()

  constructor(schema: GraphQLSchema) {
    this.schema = schema
    for (const type of Object.values(schema.getTypeMap())) {
      if (!isObjectType(type) && !isInterfaceType(type)) continue
      const fields = Object.values(type.getFields()).map((field) => [field.name, this.#field(field)] as const)
      this.#fields.set(type.name, new Map(fields))
    }
  }

  /** The weight of a field; undefined for one that the schema does not have (`__typename`, introspection). */
  field(parent: GraphQLNamedType | undefined, name: string): FieldWeight | undefined {
    return parent === undefined ? undefined : this.#fields.get(parent.name)?.get(name)
  }

  /** `@cost` of the fields of an input object, by name. */
  inputField(type: GraphQLInputType, name: string): { weight: number; type: GraphQLInputType } | undefined {
    const named = getNamedType(type)
    const field = isInputObjectType(named) ? named.getFields()[name] : undefined
    return field && { weight: weightOf(field.astNode?.directives) ?? 0, type: field.type }
  }

  #field(field: GraphQLField<unknown, unknown>): FieldWeight {
    return {
      call: weightOf(field.astNode?.directives) ?? 0,
      type: this.#typeWeight(getNamedType(field.type)),
      list: isListType(getNullableType(field.type)),
      listSize: listSizeOf(field.astNode?.directives),
      returns: getNamedType(field.type),
      arguments: new Map(
        field.args.map((argument) => [
          argument.name,
          {
            weight: weightOf(argument.astNode?.directives) ?? 0,
            type: argument.type,
            defaultValue: argument.defaultValue,
          },
        ]),
      ),
    }
  }

  /** Composite types weigh 1 and leaves 0 unless they say otherwise; an abstract type as much as its heaviest. */
  #typeWeight(type: GraphQLNamedType): number {
    const own = weightOf(type.astNode?.directives)
    if (isInterfaceType(type) || isUnionType(type)) {
      return Math.max(own ?? 0, ...this.schema.getPossibleTypes(type).map((possible) => this.#typeWeight(possible)))
    }
    return Math.max(0, own ?? (isCompositeType(type) ? 1 : 0))
  }
}

type Directives = readonly ConstDirectiveNode[] | undefined

function directive(directives: Directives, name: string): Record<string, unknown> | undefined {
  const node = directives?.find((each) => each.name.value === name)
  return (
    node &&
    Object.fromEntries(
      (node.arguments ?? []).map((argument) => [argument.name.value, valueFromASTUntyped(argument.value)]),
    )
  )
}

/** @throws RangeError for a weight that is no number. */
function weightOf(directives: Directives): number | undefined {
  const cost = directive(directives, 'cost')
  if (cost === undefined) return undefined
  const weight = Number(cost.weight)
  if (cost.weight === '' || !Number.isFinite(weight))
    throw new RangeError(`@cost(weight: ${JSON.stringify(cost.weight)}) is no number`)
  return weight
}

function listSizeOf(directives: Directives): ListSize | undefined {
  const found = directive(directives, 'listSize')
  if (found === undefined) return undefined
  const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])
  const slicingArguments = texts(found.slicingArguments)
  return {
    assumedSize: typeof found.assumedSize === 'number' ? found.assumedSize : undefined,
    slicingArguments,
    sizedFields: texts(found.sizedFields),
    requireOne: slicingArguments.length > 0 && found.requireOneSlicingArgument !== false,
  }
}
