import { ReloadingFile } from '@portcullis/core'
import type { Credentials } from './credentials.ts'
import { costOf, parseHtpasswd, type Users } from './htpasswd.ts'
import { PasswordMemory } from './password-memory.ts'
import { PasswordWorker } from './password-worker.ts'

/** Well-formed, and the hash of nothing: who names no user waits as long as who does. */
const NOBODY = `$2b$COST$${'.'.repeat(53)}`

/** Users of one configuration block, and what is known of their passwords. */
export class PasswordBook {
  readonly #configured: Users
  readonly #file: ReloadingFile<Users> | undefined
  readonly #memory = new PasswordMemory()
  readonly #worker = new PasswordWorker()
  #decoy: { listed: Users | undefined; hash: string } | undefined
  /** Checks that are running, so that one credential is not checked twice at once. */
  readonly #running = new Map<string, Promise<boolean>>()

  /** @throws when the file is not there or broken; the configuration check has told of that before. */
  constructor(users: Readonly<Record<string, string>>, file: string | undefined, onError: (error: Error) => void) {
    this.#configured = new Map(Object.entries(users))
    if (file !== undefined) this.#file = new ReloadingFile(file, parseHtpasswd, { onError })
  }

  /** Is it the user's password? Answers at once for what was checked before. May reject with `BusyError`. */
  check({ name, password }: Credentials): boolean | Promise<boolean> {
    const known = this.#configured.get(name) ?? this.#file?.value.get(name)
    const hash = known ?? this.#nobody()
    const entry = this.#memory.entryOf(name, password, hash)
    const recalled = this.#memory.recall(entry, performance.now())
    if (recalled !== undefined) return recalled && known !== undefined
    let running = this.#running.get(entry)
    if (running === undefined) {
      running = this.#compare(entry, password, hash).finally(() => this.#running.delete(entry))
      this.#running.set(entry, running)
    }
    return running.then((right) => right && known !== undefined)
  }

  reload(): void {
    this.#file?.reload()
  }

  close(): Promise<void> {
    return this.#worker.close()
  }

  async #compare(entry: string, password: string, hash: string): Promise<boolean> {
    const right = await this.#worker.compare(password, hash)
    this.#memory.remember(entry, right, performance.now())
    return right
  }

  /** As expensive as the most expensive user; worked out once for each version of the file. */
  #nobody(): string {
    const listed = this.#file?.value
    if (this.#decoy === undefined || this.#decoy.listed !== listed) {
      const hashes = [...this.#configured.values(), ...(listed?.values() ?? [])]
      const cost = hashes.reduce((highest, hash) => Math.max(highest, costOf(hash)), 4)
      this.#decoy = { listed, hash: NOBODY.replace('COST', String(cost).padStart(2, '0')) }
    }
    return this.#decoy.hash
  }
}
