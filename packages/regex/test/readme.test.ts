import { readFileSync } from 'node:fs'
import { expect, it, vi } from 'vitest'

it('runs the README’s example and prints what it says', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const source = /```ts\n([\s\S]*?)```/.exec(readme)![1]!
  expect(readFileSync(new URL('./example.ts', import.meta.url), 'utf8').trim()).toBe(source.trim())
  const log = vi.spyOn(console, 'log').mockReturnValue(undefined)
  await import('./example.ts')
  const printed = log.mock.calls.map((values) => values.join(' '))
  log.mockRestore()
  expect(printed).toEqual([...source.matchAll(/^\/\/ (.*)$/gm)].map(([, text]) => text))
})
