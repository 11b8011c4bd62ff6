import type { LoadedRules } from './load.ts'
import { compiled } from './rule-cache.ts'
import { fingerprint, foldersOf } from './rule-files.ts'
import type { RuleSource } from './settings.ts'

/** Milliseconds between two looks at the files. */
const INTERVAL = 2000

/** What is told of a reload. */
export interface LiveRulesEvents {
  onReload: (rules: LoadedRules) => void
  /** The new rules are broken; the old ones stay in force. */
  onError: (error: Error) => void
}

/**
 * The rules in force. Requests take the set that is current when they begin and keep it to their end, so that a reload
 * touches none of them. Files are looked at from a timer, off the path of requests.
 */
export class LiveRules {
  readonly source: RuleSource
  #current: LoadedRules
  #folders: readonly string[]
  #version: string
  #timer: NodeJS.Timeout | undefined
  readonly #events: LiveRulesEvents
  readonly #interval: number

  /** @throws RuleMistakes when the rules are broken. */
  constructor(source: RuleSource, events: LiveRulesEvents, interval: number = INTERVAL) {
    this.source = source
    this.#events = events
    this.#interval = interval
    this.#folders = foldersOf(source)
    this.#version = fingerprint(this.#folders)
    this.#current = compiled(source)
  }

  get current(): LoadedRules {
    return this.#current
  }

  /** Begins to look at the files. Does nothing when there are none. */
  watch(): void {
    if (this.#timer !== undefined || this.#folders.length === 0) return
    this.#timer = setInterval(() => this.reload(), this.#interval).unref()
  }

  /** Ends it. */
  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /**
   * Loads the rules again when a file has changed.
   *
   * @returns true when a new set is in force.
   */
  reload(): boolean {
    try {
      const version = fingerprint(this.#folders)
      if (version === this.#version) return false
      // Remembered before loading, so that a broken version is told of once.
      this.#version = version
      this.#current = compiled(this.source)
      this.#folders = foldersOf(this.source)
      this.#version = fingerprint(this.#folders)
      this.#events.onReload(this.#current)
      return true
    } catch (error) {
      this.#events.onError(error as Error)
      return false
    }
  }
}
