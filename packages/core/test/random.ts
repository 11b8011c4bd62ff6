/** Repeatable random choices for property tests: the same seed makes the same run. */
export interface Random {
  integer: (from: number, to: number) => number
  pick: <T>(values: readonly T[]) => T
}

/** A small linear congruential generator; its quality is enough for picking test cases. */
export function random(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const integer = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1))
  return { integer, pick: (values) => values[integer(0, values.length - 1)]! }
}
