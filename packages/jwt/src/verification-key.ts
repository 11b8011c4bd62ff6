import type { KeyObject } from 'node:crypto'
import { createVerifier } from 'fast-jwt'
import type { Algorithm } from './algorithms.ts'

/**
 * One key with the one algorithm that it is used with. Tokens in the cache hold on to their key: when the key leaves
 * its set, `revoked` turns true and every one of them must be verified again.
 */
export class VerificationKey {
  revoked = false
  readonly #verify: (token: string) => unknown

  constructor(key: KeyObject, alg: Algorithm) {
    const material = key.type === 'secret' ? key.export() : key.export({ type: 'spki', format: 'pem' })
    // Times and claims are checked per route; here only the signature and the algorithm count.
    this.#verify = createVerifier({ key: material, algorithms: [alg], ignoreExpiration: true, ignoreNotBefore: true })
  }

  /** Is the signature right? Whatever the library thinks of a token that it does not accept, the answer is no. */
  verifies(token: string): boolean {
    try {
      this.#verify(token)
      return true
    } catch {
      return false
    }
  }
}
