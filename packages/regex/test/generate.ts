import type { Node } from '../src/ast.ts'
import { bytesOf } from '../src/bytes.ts'

/** A small generator of reproducible random numbers (xorshift32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 1
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state ^= this.#state << 13
    this.#state ^= this.#state >>> 17
    this.#state ^= this.#state << 5
    return (this.#state >>> 0) % limit
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }
}

/** A string the node may match, apart from its assertions. */
export function sample(node: Node, random: Random, repeats: number = 3): string {
  switch (node.kind) {
    case 'set': {
      const bytes = bytesOf(node.set)
      if (bytes.length === 0) return ''
      const printable = bytes.filter((b) => b >= 32 && b < 127)
      return String.fromCharCode(random.pick(printable.length > 0 && random.below(8) > 0 ? printable : bytes))
    }
    case 'cat':
      return node.items.map((item) => sample(item, random, repeats)).join('')
    case 'alt':
      return sample(random.pick(node.items), random, repeats)
    case 'repeat': {
      const count = Math.min(node.max, node.min + random.below(repeats))
      let text = ''
      for (let i = 0; i < count; i++) text += sample(node.body, random, repeats)
      return text
    }
    case 'group':
    case 'atomic':
      return sample(node.body, random, repeats)
    case 'look':
      return random.below(2) === 0 ? sample(node.body, random, repeats) : ''
    default:
      return ''
  }
}

/** The string with a few random edits, among them what assertions care about. */
export function mutate(text: string, random: Random): string {
  let result = text
  for (let edits = random.below(4); edits > 0; edits--) {
    const at = random.below(result.length + 1)
    const added = random.pick(['', ' ', '\n', 'a', '_', '-', '"', "'", '=', '\xe9', '\xa0', '\x00', 'A', '0', '<'])
    const cut = random.below(3)
    result = result.slice(0, at) + added + result.slice(at + cut)
  }
  if (random.below(4) === 0) result = random.pick(['\n', 'x', ' ']) + result
  if (random.below(4) === 0) result += random.pick(['\n', 'x', ' '])
  if (random.below(6) === 0) result = result.toUpperCase().replace(/[^\x00-\xff]/g, '?')
  return result
}
