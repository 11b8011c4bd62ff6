import type { JSONSchema } from '@portcullis/core'

/** One block `security/bot-detector`: the options of the plugin. */
export interface BotDetectorConfig {
  /** User-Agents that are no bots, exactly as sent. */
  allow?: string[]
  /** User-Agents that are bots, exactly as sent. */
  deny?: string[]
  /** Regular expressions (RE2 syntax), found anywhere in the User-Agent of a bot. */
  patterns?: string[]
  /** How many decisions are remembered; 0 = none. */
  cache_size?: number
  /** Is a request without a User-Agent a bot's? */
  empty_user_agent_is_bot?: boolean
  /** Refuse what a maintained list of bots, crawlers and HTTP libraries knows. */
  known_bots?: boolean
  mode?: 'enforce' | 'monitor'
}

const texts: JSONSchema = { type: 'array', items: { type: 'string', minLength: 1 } }

/** JSON Schema of the block, draft 7. */
export const botDetectorSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    allow: { ...texts, description: 'User-Agents that are no bots: exact, case-sensitive; wins over everything else.' },
    deny: { ...texts, description: 'User-Agents that are bots: exact, case-sensitive.' },
    patterns: {
      ...texts,
      description:
        'Regular expressions in RE2 syntax, `(?i)` for either case; found anywhere in the User-Agent of a bot.',
    },
    cache_size: {
      type: 'integer',
      minimum: 0,
      maximum: 1_000_000,
      default: 0,
      description:
        'How many decisions are remembered, by User-Agent, the least recently used forgotten first; 0 = none.',
    },
    empty_user_agent_is_bot: {
      type: 'boolean',
      default: false,
      description: 'Refuse requests without a User-Agent, or with an empty one.',
    },
    known_bots: {
      type: 'boolean',
      default: false,
      description: 'Refuse what a maintained list of bots, crawlers and HTTP libraries (curl, for one) knows.',
    },
  },
}
