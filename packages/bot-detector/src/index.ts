/**
 * `security/bot-detector`: refuses bots by what they say they are. A User-Agent is trivially forged: this keeps honest
 * bots out, not determined ones.
 */

import {
  type Component,
  type ComponentInstance,
  type ComponentPlugin,
  type ConfigIssue,
  isRepeated,
  Refusal,
  toPlugin,
} from '@portcullis/core'
import { type BotDetectorConfig, botDetectorSchema } from './config.ts'
import { BotDetector } from './detector.ts'
import { compilePattern } from './patterns.ts'

export { type BotDetectorConfig, botDetectorSchema } from './config.ts'

const BOT = new Refusal(403, 'BOT', 'Bots are not welcome here')
const TWICE = new Refusal(400, 'HEADER_DUPLICATED', 'The request has more than one User-Agent')

/** The component: a block at the service and one at the endpoint both hold. */
export const botDetector: Component<BotDetectorConfig> = {
  name: 'bot-detector',
  namespaces: ['security/bot-detector', 'github.com/devopsfaith/krakend-botdetector'],
  levels: ['service', 'endpoint'],
  schema: botDetectorSchema,
  renamedFields: {
    whitelist: 'allow',
    blacklist: 'deny',
    cacheSize: 'cache_size',
  },
  combine: 'both',
  check,
  create(config): ComponentInstance {
    const detector = new BotDetector(config)
    return {
      steps: [
        {
          phase: 'onRequest',
          run: (request) => {
            if (detector.isBot(request.headers['user-agent'])) return BOT
            return isRepeated(request.raw.rawHeaders, 'user-agent') ? TWICE : undefined
          },
        },
      ],
    }
  },
}

function check(config: BotDetectorConfig): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  for (const [index, text] of (config.patterns ?? []).entries()) {
    try {
      compilePattern(text)
    } catch (error) {
      issues.push({
        place: `.patterns[${index}]`,
        message: `expected a regular expression: ${(error as Error).message}`,
      })
    }
  }
  if (issues.length > 0) return issues
  try {
    new BotDetector(config)
  } catch (error) {
    issues.push({ place: '.patterns', message: `together: ${(error as Error).message}` })
  }
  return issues
}

/** `app.register(botDetector, { known_bots: true })` */
const plugin: ComponentPlugin<BotDetectorConfig> = toPlugin(botDetector)
export default plugin
