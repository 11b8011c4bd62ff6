import type { Budget } from '../schema/budget.ts'
import type { Instruction } from './program.ts'

/** What stood before a place: nothing, a word character (`\w`), another. */
type Before = 0 | 1 | 2

interface State {
  /** Where the program stands, before the steps that take no character. */
  readonly places: readonly number[]
  readonly before: Before
  readonly next: (State | undefined)[]
  atEnd: boolean | undefined
}

interface CharacterClass {
  /** By set: is a character of this class in it? */
  readonly members: readonly boolean[]
  readonly word: boolean
}

const MOST_STATES = 500
const MOST_REMEMBERED = 2000
const END = -1

/**
 * Runs a program over a text as a deterministic automaton that is built while it runs: each character is looked at once,
 * whatever the pattern. Work beyond that (new states) is charged to a budget.
 */
export class Automaton {
  readonly #program: readonly Instruction[]
  readonly #sets: readonly ((code: number) => boolean)[]
  readonly #unicode: boolean
  /** Does a match have to begin at the start? */
  readonly #anchored: boolean
  readonly #classes: CharacterClass[] = []
  readonly #classByMembers = new Map<string, number>()
  readonly #ascii: readonly number[]
  readonly #others = new Map<number, number>()
  readonly #marks: Uint32Array
  #mark = 0
  #states = new Map<string, State>()
  readonly #matched: State = { places: [], before: 0, next: [], atEnd: true }

  constructor(
    program: readonly Instruction[],
    sets: readonly ((code: number) => boolean)[],
    options: { unicode: boolean; anchored: boolean },
  ) {
    this.#program = program
    this.#sets = sets
    this.#unicode = options.unicode
    this.#anchored = options.anchored
    this.#marks = new Uint32Array(program.length)
    this.#ascii = Array.from({ length: 128 }, (_, code) => this.#classify(code))
  }

  /** Does the text hold a match? @throws BudgetError */
  test(text: string, budget: Budget): boolean {
    budget.spend(text.length >> 4)
    let state = this.#stateOf([this.#program.length - 1], 0, budget)
    for (let at = 0; at < text.length; at++) {
      let code = text.charCodeAt(at)
      let character: number
      if (code < 128) character = this.#ascii[code]!
      else {
        if (this.#unicode) {
          code = text.codePointAt(at)!
          if (code > 0xffff) at++
        }
        character = this.#classOf(code, budget)
      }
      state = state.next[character] ?? this.#step(state, character, budget)
      if (state === this.#matched) return true
      if (state.places.length === 0) return false
    }
    state.atEnd ??= this.#walk(state, END, budget) === undefined
    return state.atEnd
  }

  #step(state: State, character: number, budget: Budget): State {
    const places = this.#walk(state, character, budget)
    let next = this.#matched
    if (places !== undefined) {
      if (!this.#anchored) places.push(this.#program.length - 1)
      next = this.#stateOf(places, this.#classes[character]!.word ? 1 : 2, budget)
    }
    state.next[character] = next
    return next
  }

  /** Where the program stands after one character (or the end); undefined when it matched before it. */
  #walk(state: State, character: number, budget: Budget): number[] | undefined {
    const reached: number[] = []
    const members = this.#classes[character]?.members
    const word = this.#classes[character]?.word === true
    const stack = [...state.places]
    const mark = ++this.#mark
    let steps = 0
    for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
      if (this.#marks[place] === mark) continue
      this.#marks[place] = mark
      steps++
      const instruction = this.#program[place]!
      if (instruction.op === 'match') return undefined
      if (instruction.op === 'fork') stack.push(instruction.other, instruction.next)
      else if (instruction.op === 'set') {
        if (members?.[instruction.set] === true) reached.push(instruction.next)
      } else if (holds(instruction.what, state.before, character === END, word)) stack.push(instruction.next)
    }
    budget.spend(steps)
    return reached
  }

  #stateOf(places: readonly number[], before: Before, budget: Budget): State {
    const unique = [...new Set(places)].sort((a, b) => a - b)
    const key = `${before} ${unique.join()}`
    budget.spend(unique.length)
    let state = this.#states.get(key)
    if (state === undefined) {
      if (this.#states.size >= MOST_STATES) this.#states = new Map()
      state = { places: unique, before, next: [], atEnd: undefined }
      this.#states.set(key, state)
    }
    return state
  }

  #classOf(code: number, budget: Budget): number {
    let found = this.#others.get(code)
    if (found === undefined) {
      if (this.#others.size >= MOST_REMEMBERED) this.#others.clear()
      budget.spend(this.#sets.length)
      found = this.#classify(code)
      this.#others.set(code, found)
    }
    return found
  }

  /** Characters that no set tells apart are one class. */
  #classify(code: number): number {
    const word = code < 128 && /\w/.test(String.fromCharCode(code))
    const members = this.#sets.map((has) => has(code))
    const key = `${word}${members.map(Number).join('')}`
    let index = this.#classByMembers.get(key)
    if (index === undefined) {
      index = this.#classes.push({ members, word }) - 1
      this.#classByMembers.set(key, index)
    }
    return index
  }
}

function holds(what: string, before: Before, end: boolean, word: boolean): boolean {
  if (what === 'start') return before === 0
  if (what === 'end') return end
  const boundary = (before === 1) !== (!end && word)
  return what === 'word' ? boundary : !boundary
}
