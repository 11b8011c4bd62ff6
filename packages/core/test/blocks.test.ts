import { describe, expect, it } from 'vitest'
import { type Component, ComponentIndex, formatIssue, type Level, readBlocks, schemaOf } from '../src/index.ts'

const make = (over: Partial<Component>): Component => ({
  name: 'door',
  namespaces: ['security/door', 'github.com/example/door'],
  levels: ['service', 'endpoint'],
  schema: { type: 'object', properties: { max_rate: { type: 'number' } }, additionalProperties: false },
  renamedFields: { maxRate: 'max_rate' },
  create: () => ({ steps: [] }),
  ...over,
})

function read(
  extraConfig: unknown,
  options: { level?: Level; components?: Component[]; unknown?: (key: string) => string | undefined } = {},
) {
  const { level = 'service', components = [make({})], unknown } = options
  const result = readBlocks(extraConfig, new ComponentIndex(components), {
    level,
    place: 'extra_config',
    baseDir: '/etc',
    ...(unknown === undefined ? undefined : { unknownNamespace: unknown }),
  })
  return { blocks: result.blocks, lines: result.issues.map(formatIssue) }
}

describe('namespaces', () => {
  it.each(['security/door', 'github.com/example/door', 'github_com/example/door'])('%s is read', (key) => {
    const { blocks, lines } = read({ [key]: { max_rate: 1 } })
    expect(lines).toEqual([])
    expect(blocks.get('door')).toMatchObject({
      config: { max_rate: 1 },
      off: false,
      level: 'service',
      place: `extra_config["${key}"]`,
    })
  })

  it('that nobody has are mistakes, unless they are somebody else’s', () => {
    expect(read({ 'security/dor': {} }).lines).toEqual([
      'extra_config["security/dor"]: unknown namespace; did you mean "security/door"?',
    ])
    expect(read({ 'security/dor': {} }, { unknown: () => undefined }).lines).toEqual([])
    expect(read({ 'security/dor': {} }, { unknown: (key) => `no ${key}` }).lines).toEqual([
      'extra_config["security/dor"]: no security/dor',
    ])
  })

  it('may be stated once, in one spelling', () => {
    const { lines } = read({ 'security/door': {}, 'github_com/example/door': {} })
    expect(lines).toEqual([
      'extra_config["github_com/example/door"]: the same block as extra_config["security/door"]: state it once',
    ])
  })

  it('of comments are left alone', () =>
    expect(read({ '@comment': 1, _door: {}, '#x': '', $schema: '' }).lines).toEqual([]))

  it.each([null, [], 'text', 5])('of %j are none', (value) =>
    expect(read(value).lines).toEqual(['extra_config: expected an object of namespaces']),
  )

  it('may be missing altogether', () => expect(read(undefined)).toEqual({ blocks: new Map(), lines: [] }))
})

describe('levels', () => {
  it.each<[Level[], Level, string]>([
    [['service'], 'endpoint', '"security/door" belongs to the service, not to an endpoint'],
    [['endpoint', 'backend'], 'service', '"security/door" belongs to an endpoint or a backend, not to the service'],
    [['service', 'endpoint'], 'backend', '"security/door" belongs to the service or an endpoint, not to a backend'],
  ])('%j is not %s', (levels, level, message) => {
    const { blocks, lines } = read({ 'security/door': {} }, { level, components: [make({ levels })] })
    expect(lines).toEqual([`extra_config["security/door"]: ${message}`])
    expect(blocks.size).toBe(0)
  })

  it('may have schemas of their own', () => {
    const schema = (level: Level) => ({ type: 'object', properties: { [level]: {} }, additionalProperties: false })
    const components = [make({ schema })]
    expect(read({ 'security/door': { service: 1 } }, { components }).lines).toEqual([])
    expect(read({ 'security/door': { service: 1 } }, { components, level: 'endpoint' }).lines).toEqual([
      'extra_config["security/door"].service: unknown field',
    ])
  })
})

describe('fields', () => {
  it('have old names, but not both', () => {
    expect(read({ 'security/door': { maxRate: 3 } }).blocks.get('door')?.config).toEqual({ max_rate: 3 })
    expect(read({ 'security/door': { maxRate: 3, max_rate: 4 } }).lines).toEqual([
      'extra_config["security/door"]["maxRate"]: is the old name of "max_rate", which is stated too',
    ])
    expect(read({ 'security/door': { constructor: 3 } }).lines).toEqual([
      'extra_config["security/door"].constructor: unknown field',
    ])
  })

  it('are checked before the component’s own check, whose places are relative', () => {
    const calls: unknown[] = []
    const check: Component['check'] = (config, context) => {
      calls.push([config, context])
      return [{ place: '.keys[0]', message: 'too short' }]
    }
    const components = [make({ check })]
    expect(read({ 'security/door': { max_rate: 'x' } }, { components }).lines).toEqual([
      'extra_config["security/door"].max_rate: expected a number, got "x"',
    ])
    expect(calls).toEqual([])
    const { blocks, lines } = read({ 'security/door': {} }, { components, level: 'endpoint' })
    expect(lines).toEqual(['extra_config["security/door"].keys[0]: too short'])
    expect(calls).toEqual([[{}, { level: 'endpoint', baseDir: '/etc' }]])
    expect(blocks.size).toBe(0)
  })

  it('include mode where a component can refuse', () => {
    expect(read({ 'security/door': { mode: 'monitor' } }).lines).toEqual([])
    expect(read({ 'security/door': { mode: 'monitr' } }).lines).toEqual([
      'extra_config["security/door"].mode: expected one of "enforce", "monitor", got "monitr"; did you mean "monitor"?',
    ])
    const harmless = make({ refuses: false })
    expect(read({ 'security/door': { mode: 'monitor' } }, { components: [harmless] }).lines).toEqual([
      'extra_config["security/door"].mode: unknown field',
    ])
    expect(schemaOf(harmless, 'service')).toBe(harmless.schema)
    expect(schemaOf(make({ schema: { type: 'string' } }), 'service')).toEqual({ type: 'string' })
  })
})

describe('false', () => {
  const replace = [make({ combine: 'replace' })]
  it('switches off what an endpoint replaces', () => {
    expect(
      read({ 'security/door': false }, { level: 'endpoint', components: replace }).blocks.get('door'),
    ).toMatchObject({ off: true })
  })

  it('is a mistake elsewhere', () => {
    const message = ['extra_config["security/door"]: expected an object, got false']
    expect(read({ 'security/door': false }, { components: replace }).lines).toEqual(message)
    expect(read({ 'security/door': false }, { level: 'endpoint' }).lines).toEqual(message)
  })
})
