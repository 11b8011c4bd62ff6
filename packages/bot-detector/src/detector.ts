import type { RegexGroup } from '@portcullis/regex'
import { isbot } from 'isbot'
import type { BotDetectorConfig } from './config.ts'
import { LruCache } from './lru-cache.ts'
import { compilePatterns } from './patterns.ts'

/** Longer User-Agents are bots: browsers send a tenth of this. In characters. */
export const MAX_USER_AGENT = 2048
/** Longer User-Agents are decided anew each time, so that the cache stays as small as it looks. */
const MAX_CACHED = 512

/** Decides by User-Agent. */
export class BotDetector {
  readonly #allow: ReadonlySet<string>
  readonly #deny: ReadonlySet<string>
  readonly #patterns: RegexGroup | undefined
  readonly #knownBots: boolean
  readonly #emptyIsBot: boolean
  readonly #decisions: LruCache<boolean> | undefined

  /** @throws RegexSyntaxError or RangeError for patterns that cannot be used. */
  constructor(config: BotDetectorConfig) {
    const { allow = [], deny = [], patterns = [], cache_size: cacheSize = 0 } = config
    this.#allow = new Set(allow)
    this.#deny = new Set(deny)
    this.#patterns = patterns.length > 0 ? compilePatterns(patterns) : undefined
    this.#knownBots = config.known_bots ?? false
    this.#emptyIsBot = config.empty_user_agent_is_bot ?? false
    this.#decisions = cacheSize > 0 ? new LruCache(cacheSize) : undefined
  }

  /** KrakenD's order: empty, allow, deny, patterns; then the list of known bots. */
  isBot(userAgent: string | undefined): boolean {
    if (userAgent === undefined || userAgent === '') return this.#emptyIsBot
    if (this.#decisions === undefined || userAgent.length > MAX_CACHED) return this.#decide(userAgent)
    let decision = this.#decisions.get(userAgent)
    if (decision === undefined) {
      decision = this.#decide(userAgent)
      this.#decisions.set(userAgent, decision)
    }
    return decision
  }

  #decide(userAgent: string): boolean {
    if (this.#allow.has(userAgent)) return false
    if (this.#deny.has(userAgent) || userAgent.length > MAX_USER_AGENT) return true
    return this.#patterns?.test(userAgent) === true || (this.#knownBots && isbot(userAgent))
  }
}
