/**
 * The non-deterministic automaton of a program, stepped a byte class at a time. The steps of single threads are
 * remembered, so that a state of the deterministic automaton costs little more than the union of a few short lists.
 */
import { hasByte, NAMED_SETS } from './bytes.ts'
import { type Assertion, holds, OP, type Program } from './program.ts'

/** The byte 10 alone, which line assertions look at. */
const NEWLINE: Uint32Array = Uint32Array.of(1 << 10, 0, 0, 0, 0, 0, 0, 0)

/** Threads are instructions just after a byte was read: what to follow next. */
export class Automaton {
  readonly program: Program
  /** Class of each byte; the class `classCount` stands for the end of the walk. */
  readonly classOf: Uint8Array = new Uint8Array(256)
  readonly classCount: number
  /** Kind of left neighbour each class makes, for assertions; 0 is the edge of the subject. */
  readonly contextOf: Uint16Array
  readonly contextCount: number
  /** Bytes held by remembered steps. */
  memoBytes = 0
  readonly #reversed: boolean
  readonly #representative: number[] = []
  readonly #contextByte: number[] = [-1]
  #memo: (Int32Array | undefined)[] = []
  #lists: Int32Array[] = []
  readonly #seen: Int32Array
  #generation = 0

  /** @param reversed the program is of a mirrored tree and the walk goes from the subject's end to its start */
  constructor(program: Program, reversed: boolean) {
    this.program = program
    this.#reversed = reversed
    this.#seen = new Int32Array(program.op.length)
    const features = assertionSets(program.assertions)
    this.classCount = this.#partition([...program.sets, ...features])
    this.contextOf = new Uint16Array(this.classCount + 1)
    this.contextCount = program.assertions.length === 0 ? 1 : this.#contexts(features)
    this.forget()
  }

  /** Splits the bytes into classes no set tells apart. */
  #partition(sets: readonly Uint32Array[]): number {
    let count = 1
    for (const set of sets) {
      const renamed = new Map<number, number>()
      const fresh: number[] = []
      for (let byte = 0; byte < 256; byte++) {
        const key = this.classOf[byte]! * 2 + (hasByte(set, byte) ? 1 : 0)
        if (!renamed.has(key)) renamed.set(key, renamed.size)
        fresh.push(renamed.get(key)!)
      }
      this.classOf.set(fresh)
      count = renamed.size
    }
    for (let byte = 255; byte >= 0; byte--) this.#representative[this.classOf[byte]!] = byte
    this.#representative.push(-1)
    return count
  }

  /** Numbers the kinds of left neighbour that the assertions tell apart. */
  #contexts(features: readonly Uint32Array[]): number {
    const kinds = new Map<string, number>()
    for (let c = 0; c < this.classCount; c++) {
      const byte = this.#representative[c]!
      const key = features.map((set) => (hasByte(set, byte) ? '1' : '0')).join('')
      if (!kinds.has(key)) kinds.set(key, this.#contextByte.push(byte) - 1)
      this.contextOf[c] = kinds.get(key)!
    }
    return this.#contextByte.length
  }

  /** Drops the remembered steps. */
  forget(): void {
    this.#memo = []
    this.#lists = [new Int32Array(0)]
    this.memoBytes = 0
  }

  /**
   * The threads that `thread` leads to when a byte of class `c` comes, in order of preference. An entry below 0 says
   * that pattern `-1 - entry` matches before that byte.
   * @param context kind of left neighbour
   * @param c a class, or `classCount` for the edge of the subject
   */
  follow(thread: number, context: number, c: number): Int32Array {
    const row = thread * this.contextCount + context
    let memo = this.#memo[row]
    if (memo === undefined) {
      memo = new Int32Array(this.classCount + 1)
      this.#memo[row] = memo
      this.memoBytes += memo.byteLength + 64
    }
    let id = memo[c]!
    if (id === 0) {
      const list = this.#close(thread, this.#contextByte[context]!, this.#representative[c]!)
      id = list.length === 0 ? 1 : this.#lists.push(list)
      if (list.length > 0) this.memoBytes += list.byteLength + 64
      memo[c] = id
    }
    return this.#lists[id - 1]!
  }

  /** Follows everything that reads no byte, then the byte itself. */
  #close(thread: number, before: number, after: number): Int32Array {
    const { op, a, b, sets, assertions } = this.program
    const [left, right] = this.#reversed ? [after, before] : [before, after]
    const generation = ++this.#generation
    const seen = this.#seen
    const targets: number[] = []
    const stack = [thread]
    while (stack.length > 0) {
      const at = stack.pop()!
      if (seen[at] === generation) continue
      seen[at] = generation
      switch (op[at]) {
        case OP.match:
          targets.push(-1 - a[at]!)
          break
        case OP.set:
          if (after !== -1 && hasByte(sets[a[at]!]!, after)) targets.push(b[at]!)
          break
        case OP.split:
          stack.push(b[at]!, a[at]!)
          break
        case OP.assert:
          if (holds(assertions[a[at]!]!, left, right)) stack.push(b[at]!)
          break
        default:
          stack.push(b[at]!)
      }
    }
    return Int32Array.from(new Set(targets))
  }
}

/** The sets that the assertions look at, without repeats. */
function assertionSets(assertions: readonly Assertion[]): Uint32Array[] {
  const sets = new Map<string, Uint32Array>()
  for (const assertion of assertions) {
    const { what } = assertion
    if (what === 'peek') sets.set(assertion.set.join(), assertion.set)
    else if (what === 'word' || what === 'notWord') sets.set('word', NAMED_SETS.w!)
    else if (what === 'bol' || what === 'eol') sets.set('newline', NEWLINE)
  }
  return [...sets.values()]
}
