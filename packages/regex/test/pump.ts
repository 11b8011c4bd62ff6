import { children, type Node } from '../src/ast.ts'
import { bytesOf } from '../src/bytes.ts'
import { type Random, sample } from './generate.ts'

/** CPU time used so far, in ms: other processes of the machine do not count. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function collect(node: Node, repeats: Node[], sets: number[][]): void {
  if (node.kind === 'repeat' && node.max > 3) repeats.push(node.body)
  if (node.kind === 'set') sets.push(bytesOf(node.set))
  for (const child of children(node)) collect(child, repeats, sets)
}

function fill(unit: string, size: number): string {
  return (unit === '' ? 'x' : unit).repeat(Math.ceil(size / Math.max(1, unit.length))).slice(0, size)
}

/** Joins what `next` gives up to 4 KB, which is then repeated. */
function mixture(next: () => string, size: number): string {
  let text = ''
  while (text.length < 4096) text += next() || 'x'
  return fill(text, size)
}

/** Strings of `size` bytes meant to make a matcher of the pattern work hard. */
export function attacks(root: Node, size: number, random: Random): Map<string, string> {
  const repeats: Node[] = []
  const sets: number[][] = []
  collect(root, repeats, sets)
  if (repeats.length === 0) repeats.push(root)
  const byte = (): string => {
    const set = sets.length > 0 ? random.pick(sets) : [120]
    return set.length > 0 ? String.fromCharCode(random.pick(set)) : ''
  }
  const words = Array.from({ length: 20 }, () => sample(root, random, 2).slice(0, -1))
  const near = words[0]!
  const loop = fill(sample(random.pick(repeats), random, 3), size)
  return new Map([
    ['line feeds', fill('\n', size)],
    ['spaces', fill(' ', size)],
    ['angle brackets', fill('<', size)],
    ['dashes', fill('-', size)],
    ['one loop', loop],
    ['another loop, then not', `${fill(sample(random.pick(repeats), random, 3), size - 1)}\x00`],
    ['its loops', mixture(() => sample(random.pick(repeats), random, 2), size)],
    ['its bytes', mixture(byte, size)],
    ['its words', mixture(() => random.pick(words).slice(0, random.below(20) + 1), size)],
    ['near misses', fill(near, size)],
    ['a near miss and a loop', (near + loop).slice(0, size)],
  ])
}
