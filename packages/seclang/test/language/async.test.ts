/** Loading beside other work, and noticing that files have changed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadRules, loadRulesAsync, RuleFiles, SecLangError } from '../../src/index.ts'
import { shared } from '../shared.ts'

const folder = mkdtempSync(join(tmpdir(), 'seclang-async-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const many = Array.from({ length: 800 }, (_, i) => `SecRule ARGS "@rx (?:a|b)${i}x{2,9}y" "id:${i + 1},pass"`).join(
  '\n',
)

/** How often the event loop goes round until a promise is settled. */
async function rounds(work: Promise<unknown>): Promise<number> {
  let settled = false
  const end = (): void => {
    settled = true
  }
  work.then(end, end)
  let n = 0
  for (; !settled; n++) await new Promise((resolve) => setImmediate(resolve))
  return n
}

describe('loading a little at a time', () => {
  test('makes the same rules, and lets others have their turn', async () => {
    const work = loadRulesAsync({ text: many })
    expect(await rounds(work)).toBeGreaterThan(2)
    const rules = await work
    expect(rules.all.map(({ id }) => id)).toEqual(loadRules({ text: many }).all.map(({ id }) => id))
  })

  test('tells all mistakes', async () => {
    const work = loadRulesAsync({ text: 'SecRul\nSecRule ARGS "@rxx a" "id:1"' })
    const error = await work.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(SecLangError)
    expect((error as SecLangError).mistakes.map(({ line }) => line)).toEqual([1, 2])
  })

  test('ends when it is told to', async () => {
    const controller = new AbortController()
    const work = loadRulesAsync({ text: many }, controller.signal)
    setImmediate(() => controller.abort(new Error('enough')))
    await expect(work).rejects.toThrow('enough')
    await expect(loadRulesAsync({ text: '' }, controller.signal)).rejects.toThrow('enough')
  })

  const crs = shared('crs/4.28.0')
  test.skipIf(crs === undefined)('holds the event loop for a small part of what the Core Rule Set takes', async () => {
    loadRules({ crs: { folder: crs! } })
    const cpu = process.cpuUsage()
    const n = await rounds(loadRulesAsync({ crs: { folder: crs! } }))
    const { user, system } = process.cpuUsage(cpu)
    expect(n).toBeGreaterThan(20)
    expect((user + system) / 1000 / n).toBeLessThan(50)
  })
})

describe('files', () => {
  test.each([
    ['a.conf', true],
    ['b.inc', true],
    ['words.data', true],
    ['new.conf', true],
    ['audit.log', false],
  ])('that were read or looked for are known: a change of %s counts: %s', (name, counts) => {
    const set = mkdtempSync(join(folder, 'set-'))
    const write = (file: string, text: string): void => writeFileSync(join(set, file), text)
    write('a.conf', 'Include b.inc\nSecRule ARGS "@pmFromFile words.data" "id:1,pass"')
    write('b.inc', 'SecAction "id:2,pass"')
    write('words.data', 'one')
    const access = new RuleFiles(set)
    loadRules({ files: ['*.conf'], baseDir: set, access })
    expect([access.some, access.changed()]).toEqual([true, false])
    write(name, '# other')
    expect(access.changed()).toBe(counts)
  })

  test('that go are missed', () => {
    const path = join(folder, 'gone.conf')
    writeFileSync(path, 'SecAction "id:2,pass"')
    const access = new RuleFiles(folder)
    loadRules({ files: [path], access })
    rmSync(path)
    expect(access.changed()).toBe(true)
  })

  test('that are not there are waited for', () => {
    const access = new RuleFiles(folder)
    expect(access.some).toBe(false)
    const text = 'SecRule ARGS "@pmFromFile late.data" "id:1,pass"\nInclude late.conf'
    expect(() => loadRules({ text, baseDir: folder, access })).toThrow(SecLangError)
    expect(access.changed()).toBe(false)
    writeFileSync(join(folder, 'late.data'), 'x')
    expect(access.changed()).toBe(true)
  })
})

test('texts have names', () => {
  const text = [{ name: 'mine', text: 'SecAction "id:1,phase:1,pass"' }, 'SecRul']
  expect(() => loadRules({ text })).toThrow('<text 2>:1: unknown directive')
  expect(loadRules({ text: text.slice(0, 1) }).all[0]!.file).toBe('mine')
})

test('base rules give way to those that were brought along', () => {
  const ids = (text: string): number[] => loadRules({ base: true, text }).all.map(({ id }) => id)
  expect(ids('SecAction "id:1,pass"')).toEqual([200_000, 200_001, 200_006, 200_002, 200_003, 200_004, 200_005, 1])
  expect(ids(`# id:200002\nSecRule REQBODY_ERROR "!@eq 0" "id:'200002',phase:2,deny"`)).toEqual([200_002])
  expect(loadRules({ text: 'SecAction "id:1,pass"' }).size).toBe(1)
})
