import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { type Component, ComponentIndex, type JSONSchema, type Level, readBlocks } from '../src/index.ts'

/**
 * The README of a package shows its `test/example.ts` as it stands, but for what only the test needs.
 *
 * @param test `import.meta.url` of a test of the package.
 */
export function expectReadmeShowsExample(test: string): void {
  const example = readFileSync(new URL('example.ts', test), 'utf8').replace('export const app', 'const app')
  expect(readmeOf(test)).toContain(example.trim())
}

/**
 * The tests that hold for the README of every component: it shows the example, and names every field.
 *
 * @param test `import.meta.url` of a test of the package.
 */
export function testReadme(test: string, ...schemas: readonly JSONSchema[]): void {
  it('shows the example that runs here', () => expectReadmeShowsExample(test))

  it('names every field', () => {
    const readme = readmeOf(test)
    for (const { properties } of schemas) {
      for (const field of Object.keys(properties as object)) expect(readme).toContain(`\`${field}\``)
    }
  })
}

/**
 * The README's block of JSON is an endpoint whose backend's blocks, all of this component, have no mistake.
 *
 * @param test `import.meta.url` of a test of the package.
 */
export function expectReadmeConfiguresBackend<Config extends object>(test: string, component: Component<Config>): void {
  const [endpoint] = [...readmeOf(test).matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => JSON.parse(text!))
  const index = new ComponentIndex([component as unknown as Component])
  const level: Level = 'backend'
  const read = readBlocks(endpoint.backend[0].extra_config, index, { level, place: '', baseDir: '.' })
  expect([read.issues, read.blocks.size]).toEqual([[], 1])
}

function readmeOf(test: string): string {
  return readFileSync(new URL('../README.md', test), 'utf8')
}
