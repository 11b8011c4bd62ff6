import { type CharSet, type Node, parsePattern } from './parse.ts'

type Instruction =
  | { op: 'set'; set: CharSet }
  | { op: 'split'; first: number; second: number }
  | { op: 'jump'; to: number }
  | { op: 'start' | 'end' | 'match' }

/** Most instructions of one pattern: the time for a host is at most this times its length. */
const MAX_INSTRUCTIONS = 2000

/**
 * A regular expression that must match a whole host. It is run as a set of states (Thompson), so that no pattern and
 * no host can make it slow: the time is bounded by the pattern's size times the host's length.
 */
export class HostRegex {
  readonly #program: Instruction[] = []
  /** The step in which an instruction was last added to the states: no instruction is added twice a step. */
  readonly #added: Uint32Array
  #step = 0

  /** @throws SyntaxError when the pattern is wrong, not supported or too large. */
  constructor(source: string) {
    this.#compile(parsePattern(source))
    this.#emit({ op: 'match' })
    this.#added = new Uint32Array(this.#program.length)
  }

  /** @param host in lower case. */
  test(host: string): boolean {
    let states: number[] = []
    this.#nextStep()
    this.#add(states, 0, 0, host.length)
    for (let at = 0; at < host.length && states.length > 0; at++) {
      const code = host.charCodeAt(at)
      const next: number[] = []
      this.#nextStep()
      for (const state of states) {
        const instruction = this.#program[state]!
        if (instruction.op === 'set' && code < 128 && instruction.set[code] === 1) {
          this.#add(next, state + 1, at + 1, host.length)
        }
      }
      states = next
    }
    return states.some((state) => this.#program[state]!.op === 'match')
  }

  #nextStep(): void {
    this.#step++
    if (this.#step < 0xffffffff) return
    this.#added.fill(0)
    this.#step = 1
  }

  /** Adds an instruction and all that are reached from it without a character. */
  #add(states: number[], from: number, at: number, length: number): void {
    const open = [from]
    while (open.length > 0) {
      const state = open.pop()!
      if (this.#added[state] === this.#step) continue
      this.#added[state] = this.#step
      const instruction = this.#program[state]!
      if (instruction.op === 'jump') open.push(instruction.to)
      else if (instruction.op === 'split') open.push(instruction.second, instruction.first)
      else if (instruction.op === 'start') at === 0 && open.push(state + 1)
      else if (instruction.op === 'end') at === length && open.push(state + 1)
      else if (instruction.op === 'set' || at === length) states.push(state)
    }
  }

  #emit(instruction: Instruction): number {
    if (this.#program.length >= MAX_INSTRUCTIONS) throw new SyntaxError('the pattern is too large')
    return this.#program.push(instruction) - 1
  }

  #compile(node: Node): void {
    switch (node.kind) {
      case 'set':
        this.#emit({ op: 'set', set: node.set })
        return
      case 'sequence':
        for (const item of node.items) this.#compile(item)
        return
      case 'choice':
        this.#compileChoice(node.items)
        return
      case 'repeat':
        this.#compileRepeat(node.item, node.min, node.max)
        return
      default:
        this.#emit({ op: node.kind })
    }
  }

  #compileChoice(items: readonly Node[]): void {
    const ends: { op: 'jump'; to: number }[] = []
    items.forEach((item, i) => {
      if (i === items.length - 1) {
        this.#compile(item)
        return
      }
      const split = { op: 'split' as const, first: 0, second: 0 }
      split.first = this.#emit(split) + 1
      this.#compile(item)
      const jump = { op: 'jump' as const, to: 0 }
      ends.push(jump)
      split.second = this.#emit(jump) + 1
    })
    for (const end of ends) end.to = this.#program.length
  }

  #compileRepeat(item: Node, min: number, max: number): void {
    for (let i = 0; i < min; i++) {
      const before = this.#program.length
      this.#compile(item)
      if (this.#program.length === before) return
    }
    if (max === Number.POSITIVE_INFINITY) {
      const split = { op: 'split' as const, first: 0, second: 0 }
      const start = this.#emit(split)
      split.first = start + 1
      this.#compile(item)
      split.second = this.#emit({ op: 'jump', to: start }) + 1
      return
    }
    const splits: { op: 'split'; first: number; second: number }[] = []
    for (let i = min; i < max; i++) {
      const split = { op: 'split' as const, first: 0, second: 0 }
      splits.push(split)
      split.first = this.#emit(split) + 1
      this.#compile(item)
    }
    for (const split of splits) split.second = this.#program.length
  }
}
