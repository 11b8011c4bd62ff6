import { expect, it } from 'vitest'
import { KeyServer } from './key-server.ts'
import { buildApp, run } from './start.ts'

it('loses no request while the keys are rotated', async () => {
  const { requests, failed, rotations, fetches } = await run(8, 150)
  expect(rotations).toBe(8)
  expect(requests).toBeGreaterThan(20)
  expect(failed).toBe(0)
  // One fetch at start, one for each new key, and now and then one because the set is a second old.
  expect(fetches).toBeGreaterThanOrEqual(8)
  expect(fetches).toBeLessThan(8 * 3)
})

it('takes claims from tokens alone, and tokens of published keys alone', async () => {
  const keys = new KeyServer()
  await keys.start()
  const app = await buildApp(keys.url)
  const ask = (token: string) =>
    app.inject({ url: '/me', headers: { authorization: `Bearer ${token}`, x_user_roles: 'admin' } })
  const token = await keys.sign('alice', ['reader', 'writer'])
  expect((await ask(token)).json()).toEqual({ id: 'alice', roles: 'reader,writer', authenticated: 'true' })
  // Another provider uses the same key ids, but its keys are not in the set.
  const stranger = new KeyServer()
  await stranger.start()
  expect((await ask(await stranger.sign('alice', []))).json().code).toBe('PORTCULLIS_TOKEN_INVALID')
  stranger.stop()
  keys.stop()
  await app.close()
})
