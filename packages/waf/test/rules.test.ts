/** What is wrong with a configuration is told at start, all of it, with its place. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConfigurationError, formatIssue } from '@portcullis/core'
import Fastify from 'fastify'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { excludedRules } from '../src/exclusions.ts'
import waf, { type WafConfig } from '../src/index.ts'
import { LiveRules } from '../src/live-rules.ts'
import { loadSource } from '../src/load.ts'
import { readSettings } from '../src/settings.ts'
import { Turns } from '../src/turns.ts'

const folder = mkdtempSync(join(tmpdir(), 'waf-rules-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

async function mistakes(config: WafConfig): Promise<string[]> {
  const app = Fastify()
  try {
    await app.register(waf, config)
    await app.ready()
    return []
  } catch (error) {
    return (error as ConfigurationError).issues.map((issue) =>
      formatIssue(issue).replace('options["security/waf"]', 'options'),
    )
  } finally {
    await app.close()
  }
}

describe('mistakes', () => {
  it('in rules are all told, with text and line', async () => {
    const rules = [
      'SecRule ARGS "@rx a" "id:1,phase:2,deny"\nSecRule ARGZ "@rx a" "id:2,phase:2,deny"',
      'SecRule ARGS "@rxx a" "id:3,phase:2,deny"\n\nSecRule ARGS "@rx (" "id:4,phase:2,deny"',
      'SecRule ARGS "@rx a" "id:1,phase:2,deny,t:lowercas"',
    ]
    const found = await mistakes({ rules })
    expect(found).toEqual([
      expect.stringMatching(/^options\.rules\[0\]: line 2: .*ARGZ.*ARGS/),
      expect.stringMatching(/^options\.rules\[1\]: line 1: .*rxx.*rx/),
      expect.stringMatching(/^options\.rules\[1\]: line 3: /),
      expect.stringMatching(/^options\.rules\[2\]: line 1: .*lowercas.*lowercase/),
    ])
  })

  it('in files are told with file and line', async () => {
    const file = write('broken.conf', '# one\nSecRule ARGS "@rx a" \\\n  "id:1,phase:2,denny"\n')
    expect(await mistakes({ rules_files: [file] })).toEqual([
      expect.stringMatching(/^options\.rules_files: .*broken\.conf:2: .*denny.*deny/),
    ])
    expect(await mistakes({ rules_files: [join(folder, 'none-*.conf')] })).toEqual([
      expect.stringMatching(/^options\.rules_files: no file matches/),
    ])
  })

  it('in fields are told', async () => {
    expect(await mistakes({})).toEqual([expect.stringContaining('names no rules')])
    expect(await mistakes({ crs: '/nowhere' })).toEqual(['options.crs: there is no folder /nowhere'])
    expect(await mistakes({ crs: folder })).toEqual([expect.stringContaining('is no Core Rule Set')])
    const rules = 'SecAction "id:1,phase:1,pass"'
    expect(await mistakes({ rules, paranoia_level: 2 })).toEqual([
      expect.stringMatching(/^options\.paranoia_level: has no effect without a rule set/),
    ])
    expect(await mistakes({ rules, exclude_rules: ['9-1'] })).toEqual([
      expect.stringMatching(/exclude_rules\[0\]: the range ends before it begins/),
    ])
    expect(await mistakes({ rules, request_body_limit: 0 })).toHaveLength(1)
    expect(await mistakes({ rules, paranoia_levl: 2 } as never)).toEqual([
      expect.stringContaining('did you mean "paranoia_level"?'),
    ])
    expect(await mistakes({ rules, policy: 'redis' })).not.toEqual([])
  })

  it('rules that would never run are told', async () => {
    const rules = 'SecRule RESPONSE_BODY "@contains x" "id:8,phase:4,deny"'
    expect(await mistakes({ rules })).toEqual([expect.stringContaining('rule 8 is of phase 4')])
    expect(await mistakes({ rules, inspect_responses: true })).toEqual([])
  })
})

describe('rule files', () => {
  it('are read in their order, with globs, before the inline rules', async () => {
    mkdirSync(join(folder, 'set'), { recursive: true })
    write('set/b.conf', 'SecAction "id:22,phase:1,pass"')
    write('set/a.conf', 'SecAction "id:21,phase:1,pass"')
    const first = write('first.conf', 'SecAction "id:20,phase:1,pass"')
    const config: WafConfig = { rules_files: [first, 'set/*.conf'], rules: 'SecAction "id:23,phase:1,pass"' }
    const { rules } = loadSource(readSettings(config, undefined, folder).source)
    expect(rules.all.map(({ id }) => id).filter((id) => id < 100)).toEqual([20, 21, 22, 23])
  })

  it('with the base rules of their own are not given them twice', async () => {
    const base = write('base.conf', `SecRule REQBODY_ERROR "!@eq 0" "id:'200002',phase:2,deny,status:400"`)
    expect(await mistakes({ rules_files: [base] })).toEqual([])
  })
})

describe('reload', () => {
  const make = (config: WafConfig, interval?: number) => {
    const events = { onReload: vi.fn(), onError: vi.fn() }
    const options = interval === undefined ? {} : { interval }
    return { live: new LiveRules(readSettings(config, undefined, folder).source, events, options), events }
  }
  const rule = (id: number): string => `SecAction "id:${id},phase:1,pass,log"`

  it('takes what changed, and keeps the old set when the new one is broken', async () => {
    const file = write('live.conf', rule(1))
    const { live, events } = make({ rules_files: [file] })
    const before = live.current
    expect(await live.reload()).toBe(false)
    write('live.conf', `${rule(1)}\n${rule(2)}`)
    expect(await live.reload()).toBe(true)
    expect(live.current.rules.size).toBe(before.rules.size + 1)
    const good = live.current
    write('live.conf', 'SecRul broken')
    expect(await live.reload()).toBe(false)
    expect(live.current).toBe(good)
    expect(events.onError).toHaveBeenCalledTimes(1)
    await live.reload()
    expect(events.onError).toHaveBeenCalledTimes(1)
    write('live.conf', rule(3))
    expect(await live.reload()).toBe(true)
    expect(live.current.rules.all.some(({ id }) => id === 3)).toBe(true)
  })

  it('sees new files of a glob, and data files', async () => {
    mkdirSync(join(folder, 'glob'), { recursive: true })
    write('words.data', 'alpha')
    write('glob/a.conf', 'SecRule ARGS "@pmFromFile ../words.data" "id:1,phase:2,deny"')
    const { live } = make({ rules_files: ['glob/*.conf'] })
    write('glob/b.conf', rule(2))
    expect(await live.reload()).toBe(true)
    write('words.data', 'alpha\nbeta')
    expect(await live.reload()).toBe(true)
  })

  it('looks at the files of the rules only, not at others beside them', async () => {
    mkdirSync(join(folder, 'beside'), { recursive: true })
    write('beside/a.conf', `${rule(1)}\nSecRule ARGS "@pmFromFile words.txt" "id:2,phase:2,deny"`)
    write('beside/words.txt', 'alpha')
    const { live, events } = make({ rules_files: ['beside/*.conf'] })
    write('beside/audit.log', 'a line')
    expect(await live.reload()).toBe(false)
    rmSync(join(folder, 'beside/words.txt'))
    expect(await live.reload()).toBe(false)
    expect(await live.reload()).toBe(false)
    expect(events.onError).toHaveBeenCalledTimes(1)
    write('beside/words.txt', 'alpha beta')
    expect(await live.reload()).toBe(true)
  })

  /** Enough to take a while. */
  const many = (n: number): string =>
    Array.from({ length: n }, (_, i) => `SecRule ARGS "@rx (?:a|b)${i}[a-z]{2,5}x" "id:${i + 10},phase:2,pass"`).join(
      '\n',
    )
  const ticks = async (n: number): Promise<void> => {
    for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve))
  }

  it('lets others have their turn while it compiles', async () => {
    const file = write('large.conf', rule(1))
    const { live } = make({ rules_files: [file] })
    const before = live.current
    write('large.conf', many(1500))
    let turns = 0
    const done = live.reload()
    let ended = false
    void done.then(() => {
      ended = true
    })
    while (!ended) {
      expect(live.current).toBe(before)
      await ticks(1)
      turns++
    }
    expect(await done).toBe(true)
    expect(turns).toBeGreaterThan(3)
    expect(live.current.rules.size).toBeGreaterThan(1500)
  })

  it('of what changes meanwhile ends with what is there at its end, and is told once', async () => {
    const file = write('moving.conf', rule(1))
    const { live, events } = make({ rules_files: [file] })
    write('moving.conf', many(500))
    const first = live.reload()
    const second = live.reload()
    await ticks(2)
    write('moving.conf', `${many(500)}\n${rule(2)}`)
    expect(await Promise.all([first, second])).toEqual([true, true])
    expect(live.current.byId.has(2)).toBe(true)
    expect(events.onReload).toHaveBeenCalledTimes(1)
    expect(await live.reload()).toBe(false)
  })

  it('of a set that is copied file by file calls nothing broken', async () => {
    const file = write('copied.conf', rule(1))
    const { live, events } = make({ rules_files: [file] })
    write('copied.conf', `${many(500)}\nSecRule ARGS "@rx half`)
    const reloading = live.reload()
    await ticks(2)
    write('copied.conf', `${many(500)}\n${rule(2)}`)
    expect(await reloading).toBe(true)
    expect(events.onError).not.toHaveBeenCalled()
    expect(live.current.byId.has(2)).toBe(true)
  })

  it('under way at the close ends without a word', async () => {
    const file = write('closing.conf', rule(1))
    const { live, events } = make({ rules_files: [file] }, 10)
    live.watch()
    const before = live.current
    write('closing.conf', many(2000))
    const reloading = live.reload()
    await ticks(2)
    live.close()
    expect(await reloading).toBe(false)
    live.watch()
    expect(await live.reload()).toBe(false)
    expect(live.current).toBe(before)
    expect([events.onReload.mock.calls, events.onError.mock.calls]).toEqual([[], []])
  })

  it('of several sets happens one after the other', async () => {
    const turns = new Turns()
    const log: string[] = []
    const sets = ['one', 'two', 'three'].map((name) => {
      const file = write(`${name}.conf`, rule(1))
      const events = { onReload: () => void log.push(name), onError: () => void log.push(`${name} broken`) }
      return new LiveRules(readSettings({ rules_files: [file] }, undefined, folder).source, events, { turns })
    })
    write('one.conf', many(500))
    write('two.conf', 'SecRul broken')
    write('three.conf', many(2))
    await Promise.all(sets.map((live) => live.reload()))
    expect(log).toEqual(['one', 'two broken', 'three'])
  })

  it('happens by itself', async () => {
    const file = write('timer.conf', rule(1))
    const { live, events } = make({ rules_files: [file] }, 20)
    live.watch()
    write('timer.conf', `${rule(1)}\n${rule(2)}`)
    await vi.waitFor(() => expect(events.onReload).toHaveBeenCalledTimes(1))
    live.close()
  })

  it('touches no request that is under way', async () => {
    const file = write('swap.conf', 'SecRule ARGS:q "@streq x" "id:1,phase:2,deny"')
    const app = Fastify()
    await app.register(waf, { rules_files: [file] })
    app.post('/', () => 'ok')
    await app.ready()
    const send = () => app.inject({ method: 'POST', url: '/?q=x', payload: { a: 1 } })
    expect((await send()).statusCode).toBe(403)
    write('swap.conf', 'SecRule ARGS:q "@streq y" "id:1,phase:2,deny"')
    const { Engine, enginesOf } = await import('@portcullis/core')
    const engine = enginesOf(app)[0]!
    expect(engine).toBeInstanceOf(Engine)
    const sent = Array.from({ length: 20 }, send)
    await engine.reload()
    for (const answer of await Promise.all(sent)) expect([200, 403]).toContain(answer.statusCode)
    expect((await send()).statusCode).toBe(200)
    expect(engine.gauges.map(({ name }) => name)).toEqual(['waf_rules', 'waf_matches'])
    expect(engine.gauges[1]!.read()).toBeGreaterThan(0)
    await app.close()
  })
})

describe('exclusions', () => {
  const rules = [
    `SecAction "id:10,phase:1,pass,tag:'attack-sqli',tag:'app/one'"`,
    `SecAction "id:20,phase:1,pass,tag:'attack-sqli-more'"`,
    `SecAction "id:30,phase:1,pass"`,
  ].join('\n')
  const set = loadSource(readSettings({ rules }, undefined, folder).source).rules
  const left = (...entries: (number | string)[]): number[] => {
    const { flags } = excludedRules(set, entries)
    return set.all.filter(({ id, index }) => id < 100 && flags?.[index] !== 1).map(({ id }) => id)
  }

  it('by id, range and tag', () => {
    expect(left()).toEqual([10, 20, 30])
    expect(left(10)).toEqual([20, 30])
    expect(left('20')).toEqual([10, 30])
    expect(left('10-20')).toEqual([30])
    expect(left('attack-sqli')).toEqual([20, 30])
    expect(left('attack-*')).toEqual([30])
    expect(left('*/one')).toEqual([20, 30])
    expect(left('a*k-*-m*e')).toEqual([10, 30])
  })

  it('tell what they miss', () => {
    expect(excludedRules(set, [11, 'nothing', 10]).unknown).toEqual([11, 'nothing'])
  })
})
