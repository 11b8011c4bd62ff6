import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Example, replaceUnderLoad, scan, start } from './start.ts'

const installed = spawnSync('openssl', ['version']).status === 0
if (!installed) console.warn('openssl is not installed: the example of TLS is skipped')

describe.skipIf(!installed)('TLS on both sides', () => {
  let example: Example
  beforeAll(async () => {
    example = await start(0, true)
  })
  afterAll(async () => {
    await example.stop()
    for (const name of ['CERTS', 'BACKEND', 'IMPOSTOR']) delete process.env[name]
  })

  const get = (path: string): Promise<[status: number, body: string, headers: http.IncomingHttpHeaders]> =>
    new Promise((settle, reject) => {
      const ca = readFileSync(example.ca.path('ca.pem'))
      const request = https.get(example.url + path, { ca, agent: false }, async (response) => {
        let body = ''
        for await (const chunk of response) body += chunk
        settle([response.statusCode!, body, response.headers])
      })
      request.once('error', reject)
    })

  it('proxies to a backend that is verified', async () => {
    const [status, body, headers] = await get('/orders/7')
    expect([status, body]).toEqual([200, '/orders/7 over TLS\n'])
    expect(headers['strict-transport-security']).toBe('max-age=63072000; includeSubDomains')
  })

  it('and to no other', async () => {
    const [status, body] = await get('/impostor')
    expect([status, JSON.parse(body).code]).toEqual([502, 'PORTCULLIS_BACKEND_TLS'])
  })

  it('offers exactly the protocols and suites of the configuration', async () => {
    expect(await scan(example)).toEqual([
      'TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256',
      'TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384',
      'TLSv1.3 TLS_AES_128_GCM_SHA256',
      'TLSv1.3 TLS_AES_256_GCM_SHA384',
    ])
  })

  it('loses no request while its certificate is replaced', async () => {
    const outcome = await replaceUnderLoad(example, 1000, 2)
    expect(outcome.failures).toEqual({})
    expect(outcome.requests).toBeGreaterThanOrEqual(1000)
    expect(outcome.versions['1.1']).toBeGreaterThan(100)
    expect(outcome.versions['2']).toBeGreaterThan(100)
    expect(outcome.certificates).toBe(3)
  })

  it('tells plain HTTP that it is not spoken here', async () => {
    const status = await new Promise((settle) =>
      http.get(example.url.replace('https', 'http'), (r) => settle(r.statusCode)),
    )
    expect(status).toBe(400)
  })
})
