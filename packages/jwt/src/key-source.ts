import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { ReloadingFile } from '@portcullis/core'
import type { Algorithm } from './algorithms.ts'
import { type KeyIdStrategy, type ParsedSet, parseJwkSet } from './jwk-set.ts'
import { KeyRing } from './key-ring.ts'
import { VerificationKey } from './verification-key.ts'

/** Where keys come from: a configured key, a file, a URL. Times are `Date.now()` milliseconds. */
export interface KeySource {
  /** Until then {@link refresh} has nothing to do. */
  readonly refreshAt: number
  /** Counts up whenever the keys change. */
  readonly generation: number
  /** Does it have any keys? Without, tokens can neither be accepted nor called wrong. */
  readonly usable: boolean
  /** Of a set that is fetched: its name, and the milliseconds since it was last fetched with success. */
  readonly fetched?: { name: string; age: number } | undefined
  find(id: string | undefined, alg: Algorithm): readonly VerificationKey[]
  /** Looks whether the keys are still the right ones. A promise = wait for it before {@link find}; it never rejects. */
  refresh(now: number): Promise<void> | undefined
  /** A token named a key that is not there: is it worth looking again? A promise = wait, then {@link find} again. */
  refetch(id: string | undefined, now: number): Promise<void> | undefined
  /** First load. Failure is no reason not to start: the source is asked again with the first requests. */
  ready(): Promise<void>
  /** Looks at the source now: SIGHUP. */
  reload(): void | Promise<void>
  close(): void
}

/** The secret or public key of a configuration: tokens may call it what they like. */
export class ConfiguredKey implements KeySource {
  readonly refreshAt: number = Number.POSITIVE_INFINITY
  readonly generation = 0
  readonly usable = true
  readonly #keys: readonly VerificationKey[]

  constructor(key: KeyObject, alg: Algorithm) {
    this.#keys = [new VerificationKey(key, alg)]
  }

  find(): readonly VerificationKey[] {
    return this.#keys
  }

  refresh(): undefined {}

  refetch(): undefined {}

  async ready(): Promise<void> {}

  reload(): void {}

  close(): void {}
}

/** How {@link FileKeys} reads. */
export interface FileKeysOptions {
  path: string
  strategy: KeyIdStrategy
  onError: (error: Error) => void
}

/** A JWK set in a file, read again when it changes. */
export class FileKeys implements KeySource {
  refreshAt = 0
  readonly #ring = new KeyRing()
  readonly #file: ReloadingFile<ParsedSet>
  #applied: ParsedSet | undefined

  /** @throws when the file cannot be read; the configuration check has told of that before. */
  constructor({ path, strategy, onError }: FileKeysOptions) {
    this.#file = new ReloadingFile(path, (text) => parseJwkSet(text, strategy), {
      onError,
      maxBytes: 1024 * 1024,
      // How often to look is decided in refresh().
      interval: 0,
    })
    this.#apply(this.#file.value)
  }

  get generation(): number {
    return this.#ring.generation
  }

  get usable(): boolean {
    return this.#ring.size > 0
  }

  find(id: string | undefined, alg: Algorithm): readonly VerificationKey[] {
    return this.#ring.find(id, alg)
  }

  refresh(now: number): undefined {
    if (now < this.refreshAt) return
    this.refreshAt = now + 1000
    this.#apply(this.#file.value)
  }

  refetch(): undefined {}

  async ready(): Promise<void> {}

  reload(): void {
    this.#file.reload()
    this.#apply(this.#file.value)
  }

  close(): void {}

  #apply(set: ParsedSet): void {
    if (set === this.#applied) return
    this.#applied = set
    this.#ring.replace(set.keys)
  }
}

/**
 * A configured secret.
 *
 * @param base64 whether the text is base64 or base64url of the secret's bytes.
 * @throws RangeError when it is not.
 */
export function secretKey(text: string, base64: boolean): KeyObject {
  if (!base64) return createSecretKey(text, 'utf8')
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) throw new RangeError('is not base64')
  return createSecretKey(Buffer.from(text, 'base64'))
}

/**
 * A public key or certificate in PEM; `\n` as two characters, as environment variables have it, is a line break.
 *
 * @throws RangeError when it is none, and for private keys. The message quotes nothing of it.
 */
export function publicKey(text: string): KeyObject {
  const pem = text.replaceAll('\\n', '\n').trim()
  if (pem.includes('PRIVATE KEY')) throw new RangeError('is a private key; the gateway needs the public one')
  try {
    return createPublicKey(pem)
  } catch {
    throw new RangeError('is no public key or certificate in PEM')
  }
}
