/**
 * The non-deterministic automaton of a program, stepped a byte class at a time. The steps of single threads are
 * remembered, so that a state of the deterministic automaton costs little more than the union of a few short lists.
 */
import { hasByte, NAMED_SETS } from './bytes.ts'
import { type Assertion, holds, OP, type Program } from './program.ts'
import { closureMarks } from './scratch.ts'

/** The byte 10 alone, which line assertions look at. */
const NEWLINE: Uint32Array = Uint32Array.of(1 << 10, 0, 0, 0, 0, 0, 0, 0)

/** Entry of `Automaton.steps` for a thread that ends. */
const NOWHERE = 1
/** Entries of `Automaton.steps` from this on are single threads. */
export const FIRST_TARGET = 2

/** Threads are instructions just after a byte was read: what to follow next. */
export class Automaton {
  readonly program: Program
  /** Class of each byte; the class `classCount` stands for the end of the walk. */
  readonly classOf: Uint8Array = new Uint8Array(256)
  readonly classCount: number
  /** Kind of left neighbour each class makes, for assertions; 0 is the edge of the subject. */
  readonly contextOf: Uint16Array
  readonly contextCount: number
  /** Where in `steps` the row of a thread in a context begins, by `thread * contextCount + context`; 0 for no row. */
  rows: Int32Array = new Int32Array(0)
  /**
   * Remembered steps, by row and class: 0 not known, `NOWHERE`, a single thread plus `FIRST_TARGET`, or below 0 a list
   * (-1 for `lists[0]`).
   */
  steps: Int32Array = new Int32Array(0)
  /** Lists of threads; an entry below 0 says that pattern `-1 - entry` matches before the byte. */
  lists: Int32Array[] = []
  #used = 0
  #extraBytes = 0
  readonly #reversed: boolean
  readonly #representative: number[] = []
  readonly #contextByte: number[] = [-1]
  /** For each set and class whether the class is in the set. */
  readonly #inClass: Uint8Array
  #closures = new Map<number, Int32Array>()
  readonly #found: number[] = []

  /** @param reversed the program is of a mirrored tree and the walk goes from the subject's end to its start */
  constructor(program: Program, reversed: boolean) {
    this.program = program
    this.#reversed = reversed
    const features = assertionSets(program.assertions)
    this.classCount = this.#partition([...program.sets, ...features])
    this.contextOf = new Uint16Array(this.classCount + 1)
    this.contextCount = program.assertions.length === 0 ? 1 : this.#contexts(features)
    this.#inClass = new Uint8Array(program.sets.length * (this.classCount + 1))
    program.sets.forEach((set, id) => {
      for (let c = 0; c < this.classCount; c++) {
        if (hasByte(set, this.#representative[c]!)) this.#inClass[id * (this.classCount + 1) + c] = 1
      }
    })
    this.forget()
  }

  /** Splits the bytes into classes no set tells apart. */
  #partition(sets: readonly Uint32Array[]): number {
    const classOf = this.classOf
    const renamed = new Int16Array(512)
    let count = 1
    for (const set of sets) {
      renamed.fill(-1)
      count = 0
      for (let byte = 0; byte < 256; byte++) {
        const key = classOf[byte]! * 2 + ((set[byte >>> 5]! >>> (byte & 31)) & 1)
        if (renamed[key] === -1) renamed[key] = count++
        classOf[byte] = renamed[key]!
      }
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
    this.rows = new Int32Array(this.program.op.length * this.contextCount)
    // The first row belongs to no thread and stays unknown throughout.
    this.steps = new Int32Array((this.classCount + 1) * 16)
    this.#used = this.classCount + 1
    this.lists = []
    this.#closures = new Map()
    this.#extraBytes = 0
  }

  /** Bytes held by remembered steps. */
  get memoBytes(): number {
    return this.rows.byteLength + this.steps.byteLength + this.#extraBytes
  }

  /**
   * Computes what `thread` leads to when a byte of class `c` comes, and remembers it in `steps`.
   * @param context kind of left neighbour
   * @param c a class, or `classCount` for the edge of the subject
   * @returns the entry of `steps`
   */
  resolve(thread: number, context: number, c: number): number {
    const at = thread * this.contextCount + context
    let row = this.rows[at]!
    if (row === 0) {
      row = this.#used
      this.rows[at] = row
      this.#used += this.classCount + 1
      if (this.#used > this.steps.length) {
        const larger = new Int32Array(this.steps.length * 2)
        larger.set(this.steps)
        this.steps = larger
      }
    }
    const targets = this.#targets(thread, context, c)
    let step = NOWHERE
    if (targets.length === 1 && targets[0]! >= 0) step = targets[0]! + FIRST_TARGET
    else if (targets.length > 0) {
      step = -this.lists.push(Int32Array.from(targets))
      this.#extraBytes += targets.length * 4 + 64
    }
    this.steps[row + c] = step
    return step
  }

  /** Threads and matches in order of preference, without repeats. */
  #targets(thread: number, context: number, c: number): number[] {
    const { op, a, b, assertions } = this.program
    let closure = this.#closures.get(thread)
    if (closure === undefined) {
      closure = this.#close(thread, undefined)
      this.#closures.set(thread, closure)
      this.#extraBytes += closure.byteLength + 64
    }
    if (assertions.length > 0 && closure.some((at) => op[at] === OP.assert)) {
      const before = this.#contextByte[context]!
      const after = this.#representative[c]!
      closure = this.#close(thread, this.#reversed ? [after, before] : [before, after])
    }
    const targets = this.#found
    targets.length = 0
    const generation = closureMarks.begin(op.length)
    const seen = closureMarks.at
    const inClass = this.#inClass
    const width = this.classCount + 1
    for (let i = 0; i < closure.length; i++) {
      const at: number = closure[i]!
      const matched = op[at] === OP.match
      if (!matched && inClass[a[at]! * width + c] !== 1) continue
      const target = b[at]!
      if (matched) targets.push(-1 - a[at]!)
      else if (seen[target] !== generation) {
        seen[target] = generation
        targets.push(target)
      }
    }
    return targets
  }

  /**
   * The instructions that read a byte or match, reached from `thread` without reading.
   * @param sides bytes left and right; undefined to stop at assertions and list them too
   */
  #close(thread: number, sides: readonly [number, number] | undefined): Int32Array {
    const { op, a, b, assertions } = this.program
    const generation = closureMarks.begin(op.length)
    const seen = closureMarks.at
    const reached: number[] = []
    const stack = [thread]
    while (stack.length > 0) {
      const at = stack.pop()!
      if (seen[at] === generation) continue
      seen[at] = generation
      const code = op[at]
      if (code === OP.split) stack.push(b[at]!, a[at]!)
      else if (code === OP.match || code === OP.set || (code === OP.assert && !sides)) reached.push(at)
      else if (code !== OP.assert || holds(assertions[a[at]!]!, sides![0], sides![1])) stack.push(b[at]!)
    }
    return Int32Array.from(reached)
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
