/** What went wrong inside a server under test: in monitor mode a component that throws shows in no answer. */

/** One kind of error. */
export interface LoggedError {
  count: number
  /** Where and what, with the top of the first one's stack. */
  text: string
}

/** Kinds that are kept; one cause may name each request differently. */
const MAX_KINDS = 20
const STACK_LINES = 6

/** Fields of a line of the server's log. */
interface Line {
  msg?: string
  component?: string
  err?: { message?: string; stack?: string }
}

/** A destination for the server's log, from level `error` on, that counts the lines of each kind. */
export class ErrorLog {
  readonly #kinds = new Map<string, LoggedError>()

  /** Takes a line as the logger writes it. */
  write(line: string): void {
    const { msg = '', component, err } = JSON.parse(line) as Line
    const what = component === undefined ? msg : `${component}: ${msg}`
    this.#count(`${what}: ${err?.message}`, () => [what, ...stackOf(err)].join('\n'))
  }

  /** Takes an answer's head and body; what the backend was asked to answer is no error of the gateway's. */
  answered(answer: string): void {
    const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
    if (!body.includes('"statusCode":5')) return
    const text = `answered ${body.slice(0, 200)}`
    this.#count(text, () => text)
  }

  /** The kinds seen so far, in order of appearance. */
  get errors(): readonly LoggedError[] {
    return [...this.#kinds.values()]
  }

  #count(kind: string, describe: () => string): void {
    const known = this.#kinds.get(kind)
    if (known !== undefined) known.count++
    else if (this.#kinds.size < MAX_KINDS) this.#kinds.set(kind, { count: 1, text: describe() })
  }
}

function stackOf(err: Line['err']): string[] {
  return err?.stack ? err.stack.split('\n').slice(0, STACK_LINES) : []
}
