import { createHash, hash, timingSafeEqual } from 'node:crypto'
import { type ConfigIssue, checkSchema, formatIssue, ReloadingFile } from '@portcullis/core'
import { type ApiKeysConfig, type KeyEntry, type KeyHash, keyEntrySchema } from './config.ts'

/** A client, known by its key. The key itself is not kept. */
export interface Client {
  /** The configured name, or some digits of a hash that tells nothing of the key. */
  id: string
  name: string | undefined
  roles: readonly string[]
  maxRate: number | undefined
}

/** Longer than any key; not worth a hash. */
const MAX_KEY_LENGTH = 4096
const DIGITS: Record<KeyHash, number> = { plain: 0, sha1: 40, sha256: 64, sha512: 128 }

type Index = ReadonlyMap<string, { digest: Buffer; client: Client }>

/**
 * Clients by the digest of their keys. Whoever asks for a key learns nothing from the time that it takes: the digest
 * of what was presented is looked up, so near misses look like any other, and equality is checked in constant time.
 */
export class KeyIndex {
  readonly #hash: Exclude<KeyHash, 'plain'>
  readonly #salt: string
  readonly #configured: Index
  readonly #file: ReloadingFile<Index> | undefined

  /** @throws when the keys file is not there or broken; the configuration check has told of that before. */
  constructor(config: ApiKeysConfig, file: string | undefined, onError: (error: Error) => void) {
    const hashing = config.hash ?? 'plain'
    this.#hash = hashing === 'plain' ? 'sha256' : hashing
    this.#salt = config.salt ?? ''
    this.#configured = this.#indexOf(config.keys ?? [], hashing)
    if (file === undefined) return
    this.#file = new ReloadingFile(file, (text) => this.#indexOf(readKeysFile(text, hashing), hashing), { onError })
  }

  /** How many keys are in force. */
  get size(): number {
    return this.#configured.size + (this.#file?.value.size ?? 0)
  }

  /** The client that a key belongs to. */
  find(key: string): Client | undefined {
    if (key.length > MAX_KEY_LENGTH) return undefined
    const presented = hash(this.#hash, this.#salt + key, 'buffer')
    const name = presented.toString('latin1')
    const found = this.#configured.get(name) ?? this.#file?.value.get(name)
    return found !== undefined && timingSafeEqual(found.digest, presented) ? found.client : undefined
  }

  reload(): void {
    this.#file?.reload()
  }

  /** Keys that are written plainly are hashed on the spot; nothing keeps them. */
  #indexOf(entries: readonly KeyEntry[], hashing: KeyHash): Index {
    const index = new Map<string, { digest: Buffer; client: Client }>()
    for (const { key, id, roles = [], client_max_rate: maxRate } of entries) {
      const digest = hashing === 'plain' ? hash(this.#hash, key, 'buffer') : Buffer.from(key, 'hex')
      const fingerprint = createHash('sha256').update('client').update(digest).digest('hex').slice(0, 12)
      index.set(digest.toString('latin1'), { digest, client: { id: id ?? fingerprint, name: id, roles, maxRate } })
    }
    return index
  }
}

/**
 * The keys of a keys file.
 *
 * @throws Error that names every mistake and its place, and quotes no key.
 */
export function readKeysFile(text: string, hashing: KeyHash): KeyEntry[] {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw new Error('is no JSON')
  }
  const list = Array.isArray(document) ? document : (document as { keys?: unknown } | null)?.keys
  if (!Array.isArray(list)) throw new Error('holds no list of keys')
  const issues = list.flatMap((entry, index) => checkSchema(keyEntrySchema, entry, { place: `keys[${index}]` }))
  if (issues.length === 0) issues.push(...checkEntries(list as KeyEntry[], hashing, 'keys'))
  if (issues.length > 0) throw new Error(issues.map(formatIssue).join('; '))
  return list as KeyEntry[]
}

/** Keys that are no hashes of the stated kind, and keys stated twice. */
export function checkEntries(entries: readonly KeyEntry[], hashing: KeyHash, place: string): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const seen = new Map<string, number>()
  for (const [index, { key }] of entries.entries()) {
    const at = `${place}[${index}].key`
    const digits = DIGITS[hashing]
    const isHash = key.length === digits && /^[0-9a-fA-F]+$/.test(key)
    if (digits > 0 && !isHash) issues.push({ place: at, message: `expected ${digits} hexadecimal digits (${hashing})` })
    const name = digits > 0 ? key.toLowerCase() : key
    const twin = seen.get(name)
    if (twin !== undefined) issues.push({ place: at, message: `is the key of ${place}[${twin}] again` })
    else seen.set(name, index)
  }
  return issues
}
