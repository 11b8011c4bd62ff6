import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  Lexer,
  type OperationDefinitionNode,
  parse,
  Source,
  TokenKind,
} from 'graphql'
import { FaultError } from '../faults.ts'

/** How much of a document is read. */
export interface ReadLimits {
  /** Bytes. */
  maxSize: number
  maxTokens: number
}

/** A document, read: its operations and fragments. */
export interface ReadDocument {
  node: DocumentNode
  operations: readonly OperationDefinitionNode[]
  fragments: ReadonlyMap<string, FragmentDefinitionNode>
}

/** Brackets inside one another; the parser is recursive. */
const DEEPEST = 500
const OPENING: ReadonlySet<string> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L])
const CLOSING: ReadonlySet<string> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R])

/**
 * Reads an executable document. Bytes, tokens and nesting are bounded before the parser sees it.
 *
 * @throws FaultError
 */
export function readDocument(text: string, limits: ReadLimits): ReadDocument {
  if (text.length > limits.maxSize || Buffer.byteLength(text) > limits.maxSize) {
    throw new FaultError({ limit: 'max_document_size', message: 'The document is too long' })
  }
  let node: DocumentNode
  try {
    scan(text, limits.maxTokens)
    node = parse(text, { noLocation: true })
  } catch (error) {
    if (error instanceof GraphQLError)
      throw new FaultError({ limit: 'syntax', message: 'The document is not valid GraphQL' })
    throw error
  }
  return collect(node)
}

function scan(text: string, maxTokens: number): void {
  const lexer = new Lexer(new Source(text))
  let tokens = 0
  let depth = 0
  for (let token = lexer.advance(); token.kind !== TokenKind.EOF; token = lexer.advance()) {
    if (++tokens > maxTokens) throw new FaultError({ limit: 'max_tokens', message: 'The document has too many tokens' })
    if (OPENING.has(token.kind) && ++depth > DEEPEST) {
      throw new FaultError({ limit: 'max_depth', message: 'The document nests too deep' })
    }
    if (CLOSING.has(token.kind)) depth--
  }
}

function collect(node: DocumentNode): ReadDocument {
  const operations: OperationDefinitionNode[] = []
  const fragments = new Map<string, FragmentDefinitionNode>()
  const names = new Set<string | undefined>()
  for (const definition of node.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      const name = definition.name?.value
      if (names.has(name)) throw invalid('Two operations have one name')
      names.add(name)
      operations.push(definition)
    } else if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      if (fragments.has(definition.name.value)) throw invalid('Two fragments have one name')
      fragments.set(definition.name.value, definition)
    } else throw invalid('The document defines more than operations')
  }
  if (operations.length === 0) throw invalid('The document has no operation')
  if (operations.length > 1 && names.has(undefined)) throw invalid('One of several operations has no name')
  return { node, operations, fragments }
}

/**
 * The operation that a server will execute.
 *
 * @throws FaultError when the name does not say which.
 */
export function selectOperation({ operations }: ReadDocument, name: string | undefined): OperationDefinitionNode {
  if (name === undefined) {
    if (operations.length > 1) throw invalid('The document has several operations: name one')
    return operations[0]!
  }
  const found = operations.find((operation) => operation.name?.value === name)
  if (found === undefined) throw invalid('The document has no operation of this name')
  return found
}

function invalid(message: string): FaultError {
  return new FaultError({ limit: 'document', message })
}
