import { type LoadedRules, RuleMistakes } from './load.ts'
import { compiled, compiledAsync } from './rule-cache.ts'
import type { RuleSource } from './settings.ts'
import { Turns } from './turns.ts'

/** Milliseconds between two looks at the files. */
const INTERVAL = 2000
/** Files that change while they are read are read again, so often. */
const ATTEMPTS = 5

/** What is told of a reload. */
export interface LiveRulesEvents {
  onReload: (rules: LoadedRules) => void
  /** The new rules are broken; the old ones stay in force. */
  onError: (error: Error) => void
}

/** How {@link LiveRules} looks. */
export interface LiveRulesOptions {
  /** Milliseconds between two looks at the files. */
  interval?: number
  /** Those who share them load one after the other. */
  turns?: Turns
}

/**
 * The rules in force. Requests take the set that is current when they begin and keep it to their end, so that a reload
 * touches none of them. Files are looked at from a timer, off the path of requests, and what has changed is compiled a
 * few milliseconds at a time.
 */
export class LiveRules {
  readonly source: RuleSource
  #current: LoadedRules
  /** The files of the last attempt, that of a broken version too: it is told of once. */
  #files: LoadedRules['files']
  #timer: NodeJS.Timeout | undefined
  #running: Promise<boolean> | undefined
  readonly #closing = new AbortController()
  readonly #events: LiveRulesEvents
  readonly #interval: number
  readonly #turns: Turns

  /** Loads the rules at once. @throws RuleMistakes when they are broken. */
  constructor(source: RuleSource, events: LiveRulesEvents, options: LiveRulesOptions = {}) {
    this.source = source
    this.#events = events
    this.#interval = options.interval ?? INTERVAL
    this.#turns = options.turns ?? new Turns()
    this.#current = compiled(source)
    this.#files = this.#current.files
  }

  get current(): LoadedRules {
    return this.#current
  }

  /** Begins to look at the files. Does nothing when there are none. */
  watch(): void {
    if (this.#timer !== undefined || this.#closing.signal.aborted || !this.#files.some) return
    this.#timer = setInterval(() => void this.reload(), this.#interval).unref()
  }

  /** Ends it, and a reload that is under way; nothing is told after this. */
  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#closing.abort()
  }

  /**
   * Loads the rules again when a file has changed. One reload at a time: who asks meanwhile gets its result, which is
   * that of the files as they are at its end.
   *
   * @returns true when a new set is in force. Never rejects.
   */
  reload(): Promise<boolean> {
    this.#running ??= this.#reload().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #reload(): Promise<boolean> {
    const { signal } = this.#closing
    try {
      if (signal.aborted || !this.#files.changed()) return false
      const outcome = await this.#turns.take(() => this.#load())
      if (signal.aborted) return false
      if (outcome instanceof Error) {
        this.#events.onError(outcome)
        return false
      }
      this.#current = outcome
      this.#events.onReload(outcome)
      return true
    } catch (error) {
      if (!signal.aborted) this.#events.onError(error as Error)
      return false
    }
  }

  /** Whoever copies a rule set writes file after file: half of it must neither come into force nor be called broken. */
  async #load(): Promise<LoadedRules | RuleMistakes> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt()
      this.#files = outcome.files
      if (attempt === ATTEMPTS || !this.#files.changed()) return outcome
    }
  }

  async #attempt(): Promise<LoadedRules | RuleMistakes> {
    try {
      return await compiledAsync(this.source, this.#closing.signal)
    } catch (error) {
      if (error instanceof RuleMistakes) return error
      throw error
    }
  }
}
