import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileSink, type FileSinkOptions } from '../src/file-sink.ts'
import { Rotation } from '../src/rotation.ts'
import { makeFolder, readAll, readLines, until } from './support.ts'

let folder: ReturnType<typeof makeFolder>
let sink: FileSink | undefined
let changes: string[]
beforeEach(() => {
  folder = makeFolder()
  changes = []
})
afterEach(async () => {
  await sink?.close()
  sink = undefined
  folder.remove()
})

function make(options: Partial<FileSinkOptions> = {}): FileSink {
  sink = new FileSink({
    path: folder.file('a.log'),
    mode: 0o600,
    flushInterval: 5,
    queueSize: 10_000,
    onChange: (available, error) =>
      changes.push(available ? 'works' : ((error as NodeJS.ErrnoException).code ?? 'failed')),
    ...options,
  })
  return sink
}

const line = (n: number) => `{"n":${n}}\n`
const numbers = (name = 'a.log') => readAll(folder.path, name).map(({ n }) => n as number)
const sorted = (list: number[]) => [...list].sort((a, b) => a - b)
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

describe('an ordinary file', () => {
  it('gets lines in batches, after the interval, with permissions for its owner alone', async () => {
    const file = make()
    await file.open()
    for (const n of upTo(100)) expect(file.offer(line(n))).toBe(true)
    expect(file.queued).toBe(100)
    await until(() => file.queued === 0, 'written')
    expect(numbers()).toEqual(upTo(100))
    expect(statSync(folder.file('a.log')).mode & 0o777).toBe(0o600)
  })

  it('keeps what was in it, and the permissions that it has', async () => {
    writeFileSync(folder.file('a.log'), line(0))
    chmodSync(folder.file('a.log'), 0o640)
    const file = make()
    await file.open()
    file.offer(line(1))
    await file.close()
    expect(numbers()).toEqual([0, 1])
    expect(statSync(folder.file('a.log')).mode & 0o777).toBe(0o640)
  })

  it('has every line that was taken when it is closed, and takes late ones', async () => {
    const file = make({ flushInterval: 60_000 })
    await file.open()
    for (const n of upTo(5000)) file.offer(line(n))
    await file.close()
    expect(numbers()).toEqual(upTo(5000))
    file.offer(line(5000))
    await until(() => numbers().length === 5001, 'late line')
  })

  it('drops and counts what does not fit the queue', async () => {
    const file = make({ queueSize: 10, flushInterval: 60_000 })
    await file.open()
    expect(upTo(15).filter((n) => file.offer(line(n)))).toEqual(upTo(10))
    expect([file.dropped, file.available]).toEqual([5, false])
    await file.close()
    expect(numbers()).toEqual(upTo(10))
  })
})

describe('a file that is renamed under us', () => {
  it('is opened again on reopen, and no line is lost', async () => {
    const file = make({ flushInterval: 0 })
    await file.open()
    for (const n of upTo(300)) {
      file.offer(line(n))
      if (n === 100 || n === 200) {
        renameSync(folder.file('a.log'), folder.file(`a.log.old${n}`))
        await file.reopen()
      }
    }
    await file.close()
    expect(sorted(numbers())).toEqual(upTo(300))
    expect(readdirSync(folder.path)).toHaveLength(3)
    expect(readLines(folder.file('a.log')).length).toBeGreaterThan(0)
  })

  it('is noticed without a signal, too', async () => {
    const file = make({ flushInterval: 0 })
    await file.open()
    file.offer(line(0))
    await until(() => file.queued === 0, 'written')
    renameSync(folder.file('a.log'), folder.file('a.log.1'))
    await until(() => {
      file.offer(line(1))
      return existsSync(folder.file('a.log'))
    }, 'a new file')
  })
})

describe('rotation', () => {
  it('by size: no line is torn or lost, none of the files is larger, old ones are removed', async () => {
    const file = make({ rotate: { size: 1000, keep: 1000 } })
    await file.open()
    for (const n of upTo(1000)) {
      file.offer(line(n))
      if (n % 100 === 0) await until(() => file.queued === 0, 'written')
    }
    await file.close()
    const files = readdirSync(folder.path)
    expect(files.length).toBeGreaterThanOrEqual(10)
    for (const name of files) {
      const stats = statSync(folder.file(name))
      expect(stats.size).toBeLessThanOrEqual(1000)
      expect(stats.mode & 0o777).toBe(0o600)
    }
    expect(sorted(numbers())).toEqual(upTo(1000))
  })

  it('keeps the newest only', async () => {
    writeFileSync(folder.file('a.log.mine'), 'not ours')
    const file = make({ rotate: { size: 100, keep: 2 } })
    await file.open()
    for (const n of upTo(200)) file.offer(line(n))
    await file.close()
    const files = readdirSync(folder.path)
    expect(files).toHaveLength(4)
    expect(files).toContain('a.log.mine')
    const kept = readAll(folder.path, 'a.log.2')
      .concat(readLines(folder.file('a.log')))
      .map(({ n }) => n as number)
    expect(sorted(kept)).toEqual(upTo(200).slice(-kept.length))
  })

  it('by time, also of what an earlier process left', async () => {
    writeFileSync(folder.file('a.log'), line(0))
    utimesSync(folder.file('a.log'), 1000, 1000)
    const file = make({ rotate: { interval: '1h' } })
    await file.open()
    file.offer(line(1))
    await file.close()
    expect(readLines(folder.file('a.log'))).toEqual([{ n: 1 }])
    expect(numbers()).toHaveLength(2)
    let now = 3_600_000
    const rotation = new Rotation({ interval: '1h' }, () => now)
    const open = { size: 5, writtenAt: 3_600_000 } as never
    rotation.opened(open)
    expect(rotation.isDue(open)).toBe(false)
    now = 7_200_000
    expect(rotation.isDue(open)).toBe(true)
  })

  it('writes a line that is longer than the limit into a file of its own', async () => {
    const file = make({ rotate: { size: 20 } })
    await file.open()
    const long = `${JSON.stringify({ n: 'x'.repeat(50) })}\n`
    for (const text of [line(1), long, line(2)]) file.offer(text)
    await file.close()
    expect(readdirSync(folder.path)).toHaveLength(3)
    expect(readAll(folder.path, 'a.log')).toHaveLength(3)
  })
})

describe('a file that cannot be written', () => {
  it.each([
    ['no folder', 'missing/a.log', 'ENOENT'],
    ['a folder in its place', '.', 'failed'],
    ['no such thing', '/proc/nope.log', 'ENOENT'],
  ])('%s', async (_what, path, code) => {
    const file = make({ path: path.startsWith('/') ? path : folder.file(path) })
    await expect(file.open()).rejects.toThrow()
    expect(file.available).toBe(false)
    expect(changes.at(0)).toMatch(code === 'failed' ? /EISDIR|failed/ : code)
    file.offer(line(1))
    await file.close()
    expect(file.dropped).toBe(1)
  })

  it('is tried again, and what waited is written', async () => {
    const file = make({ path: folder.file('later/a.log') })
    await expect(file.open()).rejects.toThrow()
    for (const n of upTo(10)) file.offer(line(n))
    mkdirSync(folder.file('later'))
    await file.reopen()
    await file.close()
    expect(readLines(folder.file('later/a.log')).map(({ n }) => n)).toEqual(upTo(10))
    expect(changes).toEqual(['ENOENT', 'works'])
    expect(file.dropped).toBe(0)
  })

  it('a full disk: the process lives, drops are counted', async () => {
    const file = make({ path: '/dev/full', queueSize: 5 })
    await file.open()
    for (const n of upTo(8)) file.offer(line(n))
    await until(() => changes.length > 0, 'told')
    expect([changes, file.available, file.dropped]).toEqual([['ENOSPC'], false, 3])
    await file.close()
    expect(file.dropped).toBe(8)
  })

  it('a pipe that nobody reads does not block, one that is read gets the lines', async () => {
    const pipe = folder.file('pipe')
    execFileSync('mkfifo', [pipe])
    const file = make({ path: pipe })
    await expect(file.open()).rejects.toThrow(/ENXIO/)
    expect(file.available).toBe(false)
  })

  it('two writers of one file do not tear each other’s lines', async () => {
    const one = make({ flushInterval: 1 })
    const other = new FileSink({ path: folder.file('a.log'), mode: 0o600, flushInterval: 1, queueSize: 10_000 })
    await Promise.all([one.open(), other.open()])
    for (let n = 0; n < 2000; n += 2) {
      one.offer(line(n))
      other.offer(line(n + 1))
      if (n % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
    }
    appendFileSync(folder.file('a.log'), line(2000))
    await Promise.all([one.close(), other.close()])
    expect(sorted(numbers())).toEqual(upTo(2001))
    expect(readFileSync(folder.file('a.log'), 'utf8').endsWith('\n')).toBe(true)
  })
})
