import { ALPHABET, type CharacterSet, CLASSES } from './character-sets.ts'
import type { Pattern } from './pattern.ts'
import { PatternError } from './scanner.ts'

type Instruction =
  | { op: 'read'; set: CharacterSet }
  | { op: 'assert'; at: 'start' | 'end' | 'word' | 'not-word' }
  | { op: 'split'; to: number }
  | { op: 'jump'; to: number }
  | { op: 'match' }

/** Most instructions of one automaton: what a pattern of any sensible size needs a hundredth of. */
const MAX_INSTRUCTIONS = 20_000
/** Most states that are kept; beyond them the table starts anew. */
const MAX_STATES = 1000
/** The symbol after the last character. */
const END = ALPHABET
const WORD = CLASSES['w']!

/** What stood before: the start, a word character, any other. */
type Before = 0 | 1 | 2

interface State {
  /** Instructions to go on from, before assertions are looked at. */
  readonly from: readonly number[]
  readonly before: Before
  /** The state after each symbol; null = a match was found. */
  readonly next: (State | null | undefined)[]
}

/**
 * Finds whether any of several patterns occurs in a text, reading each character once: sets of positions are made
 * into states as they occur. No input can make it slower than that.
 */
export class Automaton {
  readonly #program: Instruction[] = []
  readonly #seen: Uint32Array
  #round = 0
  #states = new Map<string, State>()
  #start: State

  /** @throws PatternError when the patterns are too large together. */
  constructor(patterns: readonly Pattern[]) {
    this.#emit({ kind: 'choice', options: patterns })
    this.#add({ op: 'match' })
    this.#seen = new Uint32Array(this.#program.length)
    this.#start = this.#state([], 0)
  }

  /** Does a pattern occur in the text? */
  test(text: string): boolean {
    let state: State | null = this.#start
    for (let i = 0; i <= text.length; i++) {
      const code = i === text.length ? END : text.charCodeAt(i) & 255
      const next: State | null = state.next[code] ?? (state.next[code] === null ? null : this.#step(state, code))
      if (next === null) return true
      state = next
    }
    return false
  }

  #step(state: State, symbol: number): State | null {
    const after: number[] = []
    this.#round++
    const isMatch = [...state.from, 0].some((index) => this.#follow(index, state.before, symbol, after))
    if (isMatch) {
      state.next[symbol] = null
      return null
    }
    const made = this.#state(
      [...new Set(after)].sort((a, b) => a - b),
      symbol !== END && WORD[symbol] === 1 ? 1 : 2,
    )
    state.next[symbol] = made
    return made
  }

  /** Goes on without reading, as far as assertions allow; collects what stands after the symbol. True = a match. */
  #follow(start: number, before: Before, symbol: number, after: number[]): boolean {
    const pending = [start]
    for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
      if (this.#seen[index] === this.#round) continue
      this.#seen[index] = this.#round
      const instruction = this.#program[index]!
      if (instruction.op === 'match') return true
      if (instruction.op === 'read') {
        if (symbol !== END && instruction.set[symbol] === 1) after.push(index + 1)
      } else if (instruction.op === 'assert') {
        if (holds(instruction.at, before, symbol)) pending.push(index + 1)
      } else {
        pending.push(instruction.to)
        if (instruction.op === 'split') pending.push(index + 1)
      }
    }
    return false
  }

  #state(from: readonly number[], before: Before): State {
    const key = `${before} ${from.join(' ')}`
    let state = this.#states.get(key)
    if (state === undefined) {
      if (this.#states.size >= MAX_STATES) this.#forget()
      state = { from, before, next: [] }
      this.#states.set(key, state)
    }
    return state
  }

  /** The old states are let go with every arrow between them. */
  #forget(): void {
    this.#states = new Map()
    this.#start = { from: [], before: 0, next: [] }
    this.#states.set('0 ', this.#start)
  }

  #add(instruction: Instruction): number {
    if (this.#program.length >= MAX_INSTRUCTIONS) throw new PatternError('the pattern is too large')
    this.#program.push(instruction)
    return this.#program.length - 1
  }

  #emit(pattern: Pattern): void {
    switch (pattern.kind) {
      case 'set':
        this.#add({ op: 'read', set: pattern.set })
        return
      case 'assert':
        this.#add({ op: 'assert', at: pattern.at })
        return
      case 'sequence':
        for (const part of pattern.parts) this.#emit(part)
        return
      case 'choice':
        this.#emitChoice(pattern.options)
        return
      case 'repeat':
        this.#emitRepeat(pattern.of, pattern.min, pattern.max)
    }
  }

  #emitChoice(options: readonly Pattern[]): void {
    const ends: { op: 'jump'; to: number }[] = []
    for (const [i, option] of options.entries()) {
      const split = i < options.length - 1 ? this.#branch('split') : undefined
      this.#emit(option)
      if (split === undefined) break
      ends.push(this.#branch('jump'))
      split.to = this.#program.length
    }
    for (const end of ends) end.to = this.#program.length
  }

  #emitRepeat(of: Pattern, min: number, max: number): void {
    for (let i = 0; i < min; i++) this.#emit(of)
    if (max === Number.POSITIVE_INFINITY) {
      const start = this.#program.length
      const split = this.#branch('split')
      this.#emit(of)
      this.#branch('jump').to = start
      split.to = this.#program.length
      return
    }
    const splits: { to: number }[] = []
    for (let i = min; i < max; i++) {
      splits.push(this.#branch('split'))
      this.#emit(of)
    }
    for (const split of splits) split.to = this.#program.length
  }

  #branch<Op extends 'split' | 'jump'>(op: Op): { op: Op; to: number } {
    const instruction = { op, to: 0 }
    this.#add(instruction as Instruction)
    return instruction
  }
}

function holds(at: 'start' | 'end' | 'word' | 'not-word', before: Before, symbol: number): boolean {
  if (at === 'start') return before === 0
  if (at === 'end') return symbol === END
  const isEdge = (before === 1) !== (symbol !== END && WORD[symbol] === 1)
  return isEdge === (at === 'word')
}
