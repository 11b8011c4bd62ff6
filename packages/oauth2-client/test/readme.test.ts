import { readFileSync } from 'node:fs'
import { type Component, ComponentIndex, readBlocks } from '@portcullis/core'
import { expect, it } from 'vitest'
import { clientCredentialsSchema } from '../src/config.ts'
import { oauth2Client } from '../src/index.ts'
import { TokenServer } from './token-server.ts'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

it('the README shows the example that runs here', async () => {
  expect(readme).toContain(readFileSync(new URL('example.ts', import.meta.url), 'utf8').trim())
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

it('the README’s configuration is one', () => {
  const [endpoint] = [...readme.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => JSON.parse(text!))
  const index = new ComponentIndex([oauth2Client as unknown as Component])
  const read = readBlocks(endpoint.backend[0].extra_config, index, { level: 'backend', place: '', baseDir: '.' })
  expect([read.issues, read.blocks.size]).toEqual([[], 1])
})

it('the README names every field', () => {
  for (const field of Object.keys(clientCredentialsSchema.properties as object))
    expect(readme).toContain(`\`${field}\``)
})
