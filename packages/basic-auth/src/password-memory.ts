import { createHmac, randomBytes } from 'node:crypto'

/** Most credentials remembered, right and wrong ones each. */
const MAX_ENTRIES = 1000
/** How long a wrong password is known as wrong without being checked, in milliseconds. */
const WRONG_FOR = 30_000

/**
 * Remembers which credentials were right and which were wrong, so that bcrypt is paid once. Entries are HMACs under a
 * key that only this process has: neither a dump nor the time of a look-up tells a password. The user's hash is part
 * of the entry, so a changed password or a removed user is forgotten by itself.
 */
export class PasswordMemory {
  readonly #key = randomBytes(32)
  readonly #right = new Set<string>()
  readonly #wrong = new Map<string, number>()

  /** The entry of a name, a password and the hash that it is checked against. */
  entryOf(name: string, password: string, hash: string): string {
    return createHmac('sha256', this.#key).update(`${name}\0${password}\0${hash}`).digest('base64')
  }

  /** Whether credentials are right; undefined when that is not known. */
  recall(entry: string, now: number): boolean | undefined {
    if (this.#right.has(entry)) return true
    const until = this.#wrong.get(entry)
    return until !== undefined && now < until ? false : undefined
  }

  remember(entry: string, right: boolean, now: number): void {
    const kept = right ? this.#right : this.#wrong
    if (kept.size >= MAX_ENTRIES) {
      // Sets and maps keep their order: the oldest goes.
      const oldest = kept.keys().next()
      if (oldest.done !== true) kept.delete(oldest.value)
    }
    if (right) this.#right.add(entry)
    else this.#wrong.set(entry, now + WRONG_FOR)
  }
}
