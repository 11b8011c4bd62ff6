import { once } from 'node:events'
import { PassThrough, type Readable } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type BodyNeeds, BodyTap, Refusal } from '../src/index.ts'

const TOO_LARGE = new Refusal(413, 'BODY_TOO_LARGE', 'too large')
const SLOW = new Refusal(408, 'TIMEOUT', 'slow')
const LATE = new Refusal(408, 'TIMEOUT', 'late')

interface Watched {
  tap: BodyTap
  source: PassThrough
  refusals: Refusal[]
  captured: Buffer[]
  unheard: Error[]
}

function watch(needs: BodyNeeds, cut = true): Watched {
  const watched = { source: new PassThrough(), refusals: [], captured: [], unheard: [] } as unknown as Watched
  watched.tap = new BodyTap(needs, {
    onRefusal: (refusal) => {
      watched.refusals.push(refusal)
      return cut
    },
    onCaptured: (body) => void watched.captured.push(body),
    onUnheard: (error) => void watched.unheard.push(error),
  }).attach(watched.source)
  return watched
}

async function text(stream: Readable): Promise<string> {
  let all = ''
  for await (const chunk of stream) all += chunk
  return all
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
afterEach(() => vi.useRealTimers())

describe('limits', () => {
  it('lets exactly the limit pass, and counts it', async () => {
    const { tap, source, refusals } = watch({ max: { bytes: 6, refusal: TOO_LARGE } })
    source.write('abc')
    source.end('def')
    expect(await text(tap)).toBe('abcdef')
    expect([tap.receivedEncodedLength, refusals]).toEqual([6, []])
  })

  it('cuts the body at the first byte beyond it, with the refusal as the error', async () => {
    const { tap, source, refusals } = watch({ max: { bytes: 5, refusal: TOO_LARGE } })
    source.write('abc')
    source.end('def')
    await expect(text(tap)).rejects.toMatchObject({ code: 'PORTCULLIS_BODY_TOO_LARGE', statusCode: 413 })
    expect(refusals).toEqual([TOO_LARGE])
  })

  it('throws the rest away instead of holding the sender up', async () => {
    const { tap, source } = watch({ max: { bytes: 5, refusal: TOO_LARGE } })
    const ended = once(source, 'end')
    for (let i = 0; i < 50; i++) source.write(Buffer.alloc(10_000))
    source.end()
    await expect(text(tap)).rejects.toThrow()
    await ended
  })

  it('reports once and goes on when the rule only records', async () => {
    const { tap, source, refusals } = watch({ max: { bytes: 2, refusal: TOO_LARGE } }, false)
    source.write('abc')
    source.end('def')
    expect(await text(tap)).toBe('abcdef')
    expect(refusals).toEqual([TOO_LARGE])
  })
})

describe('capture', () => {
  it('keeps the bytes as they arrived', async () => {
    const { tap, source, captured } = watch({ capture: true })
    source.write('abc')
    source.end(Buffer.from([0xff, 0]))
    await text(tap)
    expect(captured).toEqual([Buffer.from([97, 98, 99, 0xff, 0])])
  })

  it('may be asked for before the first byte', async () => {
    const { tap, source, captured } = watch({})
    tap.capture()
    source.end('abc')
    await text(tap)
    expect(captured.map(String)).toEqual(['abc'])
  })

  it('keeps nothing otherwise, and says nothing of a body that was cut', async () => {
    const { tap, source, captured } = watch({})
    source.end('abc')
    await text(tap)
    const cut = watch({ capture: true, max: { bytes: 1, refusal: TOO_LARGE } })
    cut.source.end('abc')
    await expect(text(cut.tap)).rejects.toThrow()
    expect([captured, cut.captured]).toEqual([[], []])
  })
})

describe('pause', () => {
  it('ends a body that stalls', async () => {
    const { tap, source, refusals } = watch({ pause: { ms: 60, refusal: SLOW } })
    source.write('abc')
    const start = performance.now()
    await expect(text(tap)).rejects.toMatchObject({ statusCode: 408 })
    expect(performance.now() - start).toBeGreaterThan(50)
    expect(refusals).toEqual([SLOW])
  })

  it('starts again with every chunk', async () => {
    const { tap, source, refusals } = watch({ pause: { ms: 120, refusal: SLOW } })
    const reading = text(tap)
    for (let i = 0; i < 6; i++) {
      source.write('a')
      await wait(40)
    }
    source.end()
    expect([await reading, refusals]).toEqual(['aaaaaa', []])
  })

  it('counts only while the reader waits for the client', async () => {
    const { tap, source, refusals } = watch({ pause: { ms: 50, refusal: SLOW } })
    source.end(Buffer.alloc(200_000))
    await wait(150)
    expect(refusals).toEqual([])
    expect((await text(tap)).length).toBe(200_000)
  })

  it('leaves no timer behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const needs = { pause: { ms: 1000, refusal: SLOW }, deadline: { ms: 1000, refusal: LATE } }
    const { tap, source } = watch(needs)
    source.end('abc')
    await text(tap)
    const other = watch(needs)
    other.tap.destroy()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('deadline', () => {
  it('ends a body that never stalls but is late', async () => {
    const { tap, source, refusals } = watch({ deadline: { ms: 100, refusal: LATE }, pause: { ms: 80, refusal: SLOW } })
    const dripping = setInterval(() => source.write('a'), 20)
    await expect(text(tap)).rejects.toMatchObject({ message: 'late' })
    clearInterval(dripping)
    expect(refusals).toEqual([LATE])
  })

  it('may be longer than a timer of Node can be', async () => {
    const { tap, source, refusals } = watch({
      deadline: { ms: 1e12, refusal: LATE },
      pause: { ms: 1e12, refusal: SLOW },
    })
    const reading = text(tap)
    await wait(20)
    source.end('abc')
    expect([await reading, refusals]).toEqual(['abc', []])
  })
})

describe('errors', () => {
  it('of the source become the tap’s', async () => {
    const { tap, source } = watch({})
    source.write('abc')
    source.destroy(new Error('aborted'))
    await expect(text(tap)).rejects.toThrow('aborted')
  })

  it('that nobody listens for do not end the process, but are told', async () => {
    const { tap, source, unheard } = watch({ max: { bytes: 1, refusal: TOO_LARGE } })
    tap.resume()
    source.end('abc')
    await once(tap, 'close')
    expect(unheard).toMatchObject([{ statusCode: 413 }])
  })

  it('end before the body’s end closes the tap', async () => {
    const { tap, source } = watch({})
    source.write('abc')
    source.destroy()
    tap.resume()
    await once(tap, 'close')
    expect(tap.readableEnded).toBe(false)
  })
})
