import { expect, it } from 'vitest'
import { expectReadmeConfiguresBackend, testReadme } from '../../core/test/readme.ts'
import { clientCredentialsSchema } from '../src/config.ts'
import { oauth2Client } from '../src/index.ts'
import { TokenServer } from './token-server.ts'

testReadme(import.meta.url, clientCredentialsSchema)

it('the README’s example works', async () => {
  const server = await new TokenServer().start()
  process.env.TOKEN_URL = server.url
  try {
    const { authorized } = await import('./example.ts')
    await Promise.all([authorized(server.url), authorized(server.url)])
    const [token, ...calls] = server.requests
    expect(token!.fields.get('scope')).toBe('read write')
    expect(calls.map(({ authorization }) => authorization)).toEqual(['Bearer token-1', 'Bearer token-1'])
  } finally {
    delete process.env.TOKEN_URL
    await server.stop()
  }
})

it('the README’s configuration is one', () => expectReadmeConfiguresBackend(import.meta.url, oauth2Client))
