import { type Algorithm, misfit } from './algorithms.ts'
import type { SetKey } from './jwk-set.ts'
import { VerificationKey } from './verification-key.ts'

interface Entry {
  source: SetKey
  /** Made on first use; null where the key does not fit the algorithm. */
  byAlgorithm: Map<Algorithm, VerificationKey | null>
}

/** Several keys may share an id (RSA and EC), or have none; a token is tried on so many at most. */
const MAX_CANDIDATES = 4

/**
 * The keys in force. When a new set replaces them, keys that stay remain the same objects, so that tokens verified
 * with them stay verified; keys that are gone are revoked on the spot.
 */
export class KeyRing {
  /** Counts up whenever the keys change. */
  generation = 0
  #entries = new Map<string, Entry>()

  get size(): number {
    return this.#entries.size
  }

  replace(keys: readonly SetKey[]): void {
    const next = new Map<string, Entry>()
    let changed = false
    for (const source of keys) {
      const known = this.#entries.get(source.identity)
      if (known === undefined) changed = true
      next.set(source.identity, known ?? { source, byAlgorithm: new Map() })
    }
    for (const [identity, entry] of this.#entries) {
      if (next.has(identity)) continue
      changed = true
      for (const key of entry.byAlgorithm.values()) if (key !== null) key.revoked = true
    }
    this.#entries = next
    if (changed) this.generation++
  }

  /** The keys with an id that fit an algorithm. A token without an id fits keys without one, and no others. */
  find(id: string | undefined, alg: Algorithm): VerificationKey[] {
    const found: VerificationKey[] = []
    for (const entry of this.#entries.values()) {
      const { source } = entry
      if (source.id !== id || (source.alg !== undefined && source.alg !== alg)) continue
      const key = keyFor(entry, alg)
      if (key !== null) found.push(key)
      if (found.length === MAX_CANDIDATES) break
    }
    return found
  }

  /** Is there any key that fits the algorithm? */
  has(alg: Algorithm): boolean {
    for (const { source } of this.#entries.values()) {
      if ((source.alg === undefined || source.alg === alg) && misfit(alg, source.key) === undefined) return true
    }
    return false
  }
}

function keyFor(entry: Entry, alg: Algorithm): VerificationKey | null {
  let key = entry.byAlgorithm.get(alg)
  if (key === undefined) {
    const { key: material } = entry.source
    key = misfit(alg, material) === undefined ? new VerificationKey(material, alg) : null
    entry.byAlgorithm.set(alg, key)
  }
  return key
}
