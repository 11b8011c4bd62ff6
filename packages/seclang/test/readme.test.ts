import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import * as seclang from '../src/index.ts'

test('the example of the README does what it says', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const code = /```ts\n(.*?)```/s.exec(readme)![1]!
  const body = code.replace(/^import .*$/m, '')
  const expected = /^\/\/ (\d.*)$/m.exec(code)![1]!
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  const run = new Function('explain', 'loadRules', `return (async () => {${body}})()`) as (
    ...args: unknown[]
  ) => Promise<void>
  await run(seclang.explain, seclang.loadRules)
  expect(log.mock.calls[0]!.join(' ')).toBe(expected)
  log.mockRestore()
})
