import { OperationTypeNode, validate } from 'graphql'
import { BoundedMap } from '../bounded-map.ts'
import { type Fault, FaultError } from '../faults.ts'
import { type CostOptions, complexity } from './cost.ts'
import { type Measure, Measurer } from './measure.ts'
import { type ReadDocument, type ReadLimits, readDocument, selectOperation } from './read.ts'
import { RULES } from './weights.ts'

/** What a document may be. */
export interface JudgeOptions extends ReadLimits, CostOptions {
  maxDepth: number
  maxAliases: number
  maxDirectives: number
  maxRootFields: number
  introspection: boolean
  allowGetMutations: boolean
  allowSubscriptions: boolean
}

/** Judged documents are remembered: clients send the same ones again and again. */
type Judged = { document: ReadDocument; fault?: undefined } | { fault: Fault; document?: undefined }

/** Judges documents against limits; everything that does not hang on variables is judged once per document. */
export class Judge {
  readonly #options: JudgeOptions
  readonly #judged = new BoundedMap<Judged>(200, 400_000)

  constructor(options: JudgeOptions) {
    this.#options = options
  }

  /**
   * The complexity of the operation that a server will execute.
   *
   * @param safe by GET: only queries, unless configured.
   * @throws FaultError when the document breaks a limit.
   */
  complexity(
    text: string,
    name: string | undefined,
    variables: Readonly<Record<string, unknown>>,
    safe: boolean,
  ): number {
    try {
      const { document, fault } = this.#judge(text)
      if (fault !== undefined) throw new FaultError(fault)
      const operation = selectOperation(document, name)
      this.#checkKind(operation.operation, safe)
      return complexity(document, operation, variables, this.#options)
    } catch (error) {
      throw error instanceof RangeError
        ? new FaultError({ limit: 'max_depth', message: 'The document nests too deep' })
        : error
    }
  }

  #judge(text: string): Judged {
    const known = this.#judged.get(text)
    if (known !== undefined) return known
    let judged: Judged
    try {
      judged = { document: this.#read(text) }
    } catch (error) {
      if (!(error instanceof FaultError)) throw error
      judged = { fault: error.fault }
    }
    if (text.length <= this.#options.maxSize) this.#judged.set(text, judged, text.length + 1000)
    return judged
  }

  /** Every operation of the document is bounded, whichever is executed. */
  #read(text: string): ReadDocument {
    const document = readDocument(text, this.#options)
    const measurer = new Measurer(document)
    for (const operation of document.operations) this.#checkMeasure(measurer.operation(operation))
    measurer.rest()
    const { weights } = this.#options
    if (weights !== undefined && validate(weights.schema, document.node, RULES, { maxErrors: 1 }).length > 0) {
      throw new FaultError({ limit: 'schema', message: 'The document does not fit the schema' })
    }
    return document
  }

  #checkMeasure(measure: Measure): void {
    const { maxDepth, maxAliases, maxDirectives, maxRootFields, introspection } = this.#options
    if (measure.introspects && !introspection)
      throw new FaultError({ limit: 'introspection', message: 'Introspection is not allowed' })
    exceeds('max_depth', 'The operation is too deep', measure.depth, maxDepth)
    exceeds('max_aliases', 'The operation has too many aliases', measure.aliases, maxAliases)
    exceeds('max_directives', 'The operation has too many directives', measure.directives, maxDirectives)
    exceeds('max_root_fields', 'The operation has too many root fields', measure.fields, maxRootFields)
  }

  #checkKind(kind: OperationTypeNode, safe: boolean): void {
    if (kind === OperationTypeNode.SUBSCRIPTION && !this.#options.allowSubscriptions) {
      throw new FaultError({ limit: 'allow_subscriptions', message: 'Subscriptions are not allowed' })
    }
    if (
      safe &&
      kind !== OperationTypeNode.QUERY &&
      !(kind === OperationTypeNode.MUTATION && this.#options.allowGetMutations)
    ) {
      throw new FaultError({ limit: 'allow_get_mutations', message: 'Only queries are allowed by GET' })
    }
  }
}

function exceeds(limit: string, message: string, value: number, most: number): void {
  if (value > most) throw new FaultError({ limit, message, value })
}
