import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { enginesOf } from '@portcullis/core'
import Fastify from 'fastify'
import { exportJWK, generateKeyPair } from 'jose'
import { expect, it } from 'vitest'
import jwt from '../src/index.ts'

it('publishes the age of a fetched key set, without the query of its URL', async () => {
  const { publicKey } = await generateKeyPair('RS256')
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'a', alg: 'RS256' }] }
  const provider = createServer((_request, response) =>
    response.setHeader('content-type', 'application/json').end(JSON.stringify(keys)),
  )
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/jwks`
  const app = Fastify()
  await app.register(jwt, { alg: 'RS256', jwk_url: `${url}?secret=1`, disable_jwk_security: true })
  await app.ready()
  const gauge = enginesOf(app)[0]!.gauges.find(({ name }) => name === 'jwks_age_seconds')
  const values = gauge!.read() as { labels: { keys: string }; value: number }[]
  expect(values).toEqual([{ labels: { keys: url }, value: expect.any(Number) }])
  expect(values[0]!.value).toBeLessThan(10)
  await app.close()
  provider.close()
})
