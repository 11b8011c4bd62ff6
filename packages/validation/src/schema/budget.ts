/** Thrown when a value takes more work than it may: the request is refused, never let through half-checked. */
export class BudgetError extends Error {
  constructor() {
    super('the value takes too long to check')
    this.name = 'BudgetError'
  }
}

/** Steps that one check may take. Patterns and recursive schemas spend from it. */
export class Budget {
  readonly #steps: number
  #left: number

  /** @param steps about 20 ns each. */
  constructor(steps = 2_000_000) {
    this.#steps = steps
    this.#left = steps
  }

  /** Begins another check. */
  reset(): void {
    this.#left = this.#steps
  }

  /** @throws BudgetError when nothing is left. */
  spend(steps: number): void {
    this.#left -= steps
    if (this.#left < 0) throw new BudgetError()
  }
}
