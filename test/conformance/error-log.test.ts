import { Refusal } from '@portcullis/core'
import Fastify from 'fastify'
import { expect, it } from 'vitest'
import { ErrorLog } from './error-log.ts'

it('tells each kind of error once, with its cause', async () => {
  const log = new ErrorLog()
  const app = Fastify({ logger: { level: 'error', stream: log } })
  app.get('/broken', (request) => {
    request.log.error({ err: new TypeError('no such thing'), component: 'waf' }, 'a security component failed')
    throw new Refusal(503, 'COMPONENT_FAILED', 'Not now').toError()
  })
  for (let i = 0; i < 3; i++) log.answered(`HTTP/1.1 503 \r\n\r\n${(await app.inject('/broken')).body}`)
  log.answered('HTTP/1.1 500 Internal Server Error\r\n\r\nwhat a test told the backend to answer')
  await app.close()
  expect(log.errors.map(({ count }) => count)).toEqual([3, 3, 3])
  const [cause, refusal, answer] = log.errors.map(({ text }) => text)
  expect(cause).toMatch(/^waf: a security component failed\nTypeError: no such thing\n +at /)
  expect(refusal).toBe('Not now')
  expect(answer).toMatch(/^answered .*PORTCULLIS_COMPONENT_FAILED/)
})

it('keeps no more than twenty kinds', () => {
  const log = new ErrorLog()
  for (let i = 0; i < 50; i++) log.write(JSON.stringify({ msg: `error ${i}` }))
  expect(log.errors.length).toBe(20)
})
