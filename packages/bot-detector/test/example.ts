import botDetector from '@portcullis/bot-detector'
import Fastify from 'fastify'

export const app = Fastify()
await app.register(botDetector, {
  allow: ['Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)'],
  deny: ['BadClient/1.0'],
  patterns: ['(?i)scrap(er|y)', '^-$'],
  known_bots: true,
  cache_size: 10_000,
})
app.get('/', () => 'welcome')
