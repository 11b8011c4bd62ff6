import net from 'node:net'
import { expect, it } from 'vitest'
import { startEcho, startGateway } from './helpers.ts'

it.each([
  ['declared', 'Content-Length: 10\r\n', 'abc'],
  ['chunked', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n'],
])('a proxied body that stalls is cut with 408, the backend’s request with it (%s)', async (_name, header, part) => {
  const backend = await startEcho()
  const { app, port } = await startGateway({
    extra_config: { 'security/request-limits': { body_timeout: '200ms' } },
    endpoints: [{ endpoint: '/x', method: 'POST', backend: [{ host: [backend.url] }] }],
  })
  const answer = await new Promise<string>((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () =>
      socket.write(`POST /x HTTP/1.1\r\nHost: gw.test\r\n${header}\r\n${part}`),
    )
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('close', () => resolve(text))
    setTimeout(() => socket.destroy(), 3000)
  })
  expect(answer).toMatch(/^HTTP\/1\.1 408 /)
  expect(answer).toContain('PORTCULLIS_TIMEOUT')
  expect(backend.seen).toHaveLength(0)
  await app.close()
  backend.close()
})
