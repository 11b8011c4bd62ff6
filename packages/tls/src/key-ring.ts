import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { ConfigIssue } from '@portcullis/core'
import { type LoadedPair, loadPair } from './certificate.ts'
import type { KeyPair } from './config.ts'

/** The server's key pairs: which one answers is decided by the client's server name (RFC 6066 section 3). */
export class KeyRing {
  readonly #files: readonly KeyPair[]
  /** Where relative file names start. */
  readonly baseDir: string
  readonly #options: SecureContextOptions
  #exact = new Map<string, SecureContext>()
  #wildcard = new Map<string, SecureContext>()
  #first!: LoadedPair

  /**
   * @param options what every context shares: versions, suites, curves, client CAs.
   * @throws Error with every reason when a pair is broken.
   */
  constructor(files: readonly KeyPair[], baseDir: string, options: SecureContextOptions) {
    this.#files = files
    this.baseDir = baseDir
    this.#options = options
    const issues = this.reload()
    if (issues.length > 0) throw new Error(issues.map(({ place, message }) => `${place}: ${message}`).join('; '))
  }

  /** The first pair: for clients that name no server, or one that no certificate has. */
  get first(): LoadedPair {
    return this.#first
  }

  /** Every name of every certificate. */
  get names(): string[] {
    return [...this.#exact.keys(), ...[...this.#wildcard.keys()].map((suffix) => `*${suffix}`)]
  }

  /** The files that the pairs are read from. */
  get files(): string[] {
    return this.#files.flatMap(({ public_key, private_key }) => [public_key, private_key])
  }

  /** Reads the files again. When any of them is broken nothing changes and the reasons come back. */
  reload(): ConfigIssue[] {
    const loaded = this.#files.map((pair, i) => loadPair(pair, this.baseDir, `.keys[${i}]`))
    const issues = loaded.flatMap((result) => result.issues)
    if (issues.length > 0) return issues
    const exact = new Map<string, SecureContext>()
    const wildcard = new Map<string, SecureContext>()
    for (const { pair } of loaded) {
      const context = createSecureContext({ ...this.#options, cert: pair!.cert, key: pair!.key })
      for (const name of pair!.names) {
        const into = name.startsWith('*.') ? wildcard : exact
        const key = name.startsWith('*.') ? name.slice(1) : name
        if (!into.has(key)) into.set(key, context)
      }
    }
    this.#exact = exact
    this.#wildcard = wildcard
    this.#first = loaded[0]!.pair!
    return []
  }

  /** The context for a server name: exact before wildcard (one label); undefined = the default one. */
  choose(name: string): SecureContext | undefined {
    const wanted = name.toLowerCase()
    const exact = this.#exact.get(wanted)
    if (exact !== undefined) return exact
    const dot = wanted.indexOf('.')
    return dot === -1 ? undefined : this.#wildcard.get(wanted.slice(dot))
  }

  /** Does a certificate have this name? */
  has(name: string): boolean {
    return this.choose(name) !== undefined
  }
}
