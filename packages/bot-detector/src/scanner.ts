/** What is wrong with a regular expression. */
export class PatternError extends Error {}

/** Reads a text from left to right. */
export class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get done(): boolean {
    return this.#at >= this.#text.length
  }

  /** The next UTF-16 unit, `''` at the end. */
  get char(): string {
    return this.#text.charAt(this.#at)
  }

  skip(): void {
    this.#at++
  }

  /** Takes the next character, which may be two units; `''` at the end. */
  take(): string {
    const code = this.#text.codePointAt(this.#at)
    if (code === undefined) return ''
    const char = String.fromCodePoint(code)
    this.#at += char.length
    return char
  }

  /** Takes this character if it is the next one. */
  eat(char: string): boolean {
    if (this.char !== char) return false
    this.#at++
    return true
  }

  /** Takes what a sticky expression finds here. */
  match(sticky: RegExp): RegExpExecArray | undefined {
    sticky.lastIndex = this.#at
    const match = sticky.exec(this.#text)
    if (match === null) return undefined
    this.#at += match[0].length
    return match
  }
}
