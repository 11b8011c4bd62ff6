import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { parse, stripIgnoredCharacters } from 'graphql'
import { BoundedMap } from '../bounded-map.ts'
import type { AllowedOperations } from '../config.ts'
import type { Fault } from '../faults.ts'
import type { GraphqlRequest } from './payload.ts'

/** The document of a request; `unknown` asks the client for it. */
export type Found = { document: string; fault?: undefined } | { fault: Fault | 'unknown'; document?: undefined }

/** Says which document a request means. */
export interface Documents {
  find(request: GraphqlRequest): Found
}

const NOT_ALLOWED: Fault = { limit: 'allowed_operations', message: 'The operation is not allowed' }
const NO_QUERY: Fault = { limit: 'request', message: 'There is no query' }
const WRONG_HASH: Fault = { limit: 'persisted', message: 'The hash is not the hash of the query' }
const ID_WITHOUT_LIST: Fault = { limit: 'persisted', message: 'Persisted ids are not known here' }

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Documents by id, from a list of allowed operations. */
export type Manifest = ReadonlyMap<string, string>

/**
 * Reads a list of allowed operations: documents by id, documents, or a file of either. The manifests of Apollo
 * (`{ "operations": [{ "id", "body" }] }`) and Relay (`{ id: document }`) are read as they are.
 *
 * @throws Error that says what is wrong.
 */
export function readManifest(allowed: AllowedOperations, baseDir: string): Manifest {
  if (typeof allowed !== 'string') return manifestOf(allowed)
  const file = isAbsolute(allowed) ? allowed : resolve(baseDir, allowed)
  return manifestOf(JSON.parse(readFileSync(file, 'utf8')))
}

function manifestOf(value: unknown): Manifest {
  const manifest = new Map<string, string>()
  const add = (id: string | undefined, document: unknown): void => {
    if (typeof document !== 'string') throw new TypeError('an operation is not a text')
    parse(document, { noLocation: true })
    manifest.set(sha256(document), document)
    if (id !== undefined) manifest.set(id, document)
  }
  if (Array.isArray(value)) for (const document of value) add(undefined, document)
  else if (typeof value === 'object' && value !== null) {
    const { operations } = value as { operations?: unknown }
    if (Array.isArray(operations)) for (const { id, body } of operations) add(id, body)
    else for (const [id, document] of Object.entries(value)) add(id, document)
  } else throw new TypeError('is no list of operations')
  return manifest
}

/** Only what is on a list: by id, by hash, or as a document that means the same. */
export class AllowedDocuments implements Documents {
  readonly #manifest: Manifest
  readonly #plain: ReadonlySet<string>

  constructor(manifest: Manifest) {
    this.#manifest = manifest
    this.#plain = new Set([...manifest.values()].map((document) => stripIgnoredCharacters(document)))
  }

  find({ query, hash }: GraphqlRequest): Found {
    if (query === undefined) {
      const document = hash === undefined ? undefined : this.#manifest.get(hash)
      return document === undefined ? { fault: NOT_ALLOWED } : { document }
    }
    if (hash !== undefined && hash !== sha256(query) && this.#manifest.get(hash) !== query) return { fault: WRONG_HASH }
    return this.#isListed(query) ? { document: query } : { fault: NOT_ALLOWED }
  }

  #isListed(query: string): boolean {
    try {
      return this.#plain.has(stripIgnoredCharacters(query))
    } catch {
      return false
    }
  }
}

/** Any document; hashes are known once their document was seen (automatic persisted queries), within bounds. */
export class AnyDocuments implements Documents {
  readonly #seen = new BoundedMap<string>(10_000, 4_000_000)

  find({ query, hash }: GraphqlRequest): Found {
    if (query === undefined) {
      if (hash === undefined) return { fault: NO_QUERY }
      if (!/^[0-9a-f]{64}$/.test(hash)) return { fault: ID_WITHOUT_LIST }
      const document = this.#seen.get(hash)
      return document === undefined ? { fault: 'unknown' } : { document }
    }
    if (hash !== undefined) {
      if (hash !== sha256(query)) return { fault: WRONG_HASH }
      this.#seen.set(hash, query, query.length)
    }
    return { document: query }
  }
}
