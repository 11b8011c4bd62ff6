import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import net from 'node:net'
import type { Decision } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gateway, serverOptions } from '../src/index.ts'

let app: FastifyInstance
const decisions: Decision[] = []

beforeAll(async () => {
  const config = { extra_config: { 'security/http': { frame_deny: true } } }
  app = Fastify(serverOptions(config)) as unknown as FastifyInstance
  await app.register(gateway, config)
  app.all('/x', () => 'ok')
  app.addHook('onResponse', async (request) => {
    decisions.push(...(request.portcullis?.decisions ?? []))
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
})
afterAll(() => app.close())

/** The answer to bytes on a connection of their own. */
async function send(head: string): Promise<string> {
  const socket = net.connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text
  })
  socket.write(`${head}\r\nConnection: close\r\n\r\n`)
  await once(socket, 'close')
  return answer
}

describe('the form of a request, whatever the configuration', () => {
  it.each([
    ['no host', 'GET /x HTTP/1.1\r\nA: b', 400, 'HOST_INVALID'],
    ['two hosts', 'GET /x HTTP/1.1\r\nHost: a.test\r\nhost: b.test', 400, 'HOST_INVALID'],
    ['the same host twice', 'GET /x HTTP/1.1\r\nHost: a.test\r\nHost: a.test', 400, 'HOST_INVALID'],
    ['two hosts in HTTP/1.0', 'GET /x HTTP/1.0\r\nHost: a.test\r\nHost: b.test', 400, 'HOST_INVALID'],
    ['no host at an unknown path', 'GET /none HTTP/1.1\r\nA: b', 400, 'HOST_INVALID'],
    [
      'an expectation',
      'POST /x HTTP/1.1\r\nHost: a.test\r\nExpect: wonders\r\nContent-Length: 0',
      417,
      'EXPECTATION_FAILED',
    ],
    [
      'an expectation beside 100-continue',
      'POST /x HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue, wonders\r\nContent-Length: 0',
      417,
      'EXPECTATION_FAILED',
    ],
  ])('%s is refused with the security headers and a record', async (_name, head, status, code) => {
    decisions.length = 0
    const answer = await send(head)
    expect(answer).toMatch(new RegExp(`(^|\\r\\n\\r\\n)HTTP/1\\.1 ${status} `))
    expect(answer).toMatch(/x-frame-options: DENY/i)
    expect(answer).toContain(`"code":"PORTCULLIS_${code}"`)
    expect(decisions).toMatchObject([{ component: 'request-form', code, status }])
  })

  it.each([
    ['one host', 'GET /x HTTP/1.1\r\nHost: a.test'],
    ['no host in HTTP/1.0', 'GET /x HTTP/1.0\r\nA: b'],
    ['100-continue', 'POST /x HTTP/1.1\r\nHost: a.test\r\nExpect: 100-Continue\r\nContent-Length: 0'],
  ])('%s is let pass', async (_name, head) => {
    expect(await send(head)).toMatch(/HTTP\/1\.1 200 /)
  })
})
