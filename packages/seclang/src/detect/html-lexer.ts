/** What a part of an HTML document is. */
export type HtmlType =
  | 'DATA_TEXT'
  | 'TAG_NAME_OPEN'
  | 'TAG_NAME_CLOSE'
  | 'TAG_NAME_SELFCLOSE'
  | 'TAG_CLOSE'
  | 'ATTR_NAME'
  | 'ATTR_VALUE'
  | 'TAG_COMMENT'
  | 'DOCTYPE'

/** Where in a document the text to be read stands: between tags, or in an attribute's value of one of four quotings. */
export type HtmlContext = 'data' | 'unquoted' | '"' | "'" | '`'

/** What is to be read next. */
type State =
  | 'data'
  | 'tagClose'
  | 'selfClosing'
  | 'beforeName'
  | 'afterName'
  | 'beforeValue'
  | 'unquoted'
  | 'quoted'
  | 'afterQuoted'
  | 'end'

function isWhite(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}

function isLetter(code: number): boolean {
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
}

/**
 * Reads HTML the way a browser does, one part at a time and with its leniency towards malformed markup.
 * After {@link next} returned true, `type`, `start` and `end` tell what was read.
 */
export class HtmlLexer {
  readonly value: string
  type: HtmlType = 'DATA_TEXT'
  start = 0
  end = 0
  #position = 0
  #state: State
  #quote = ''
  #closing = false

  constructor(value: string, context: HtmlContext) {
    this.value = value
    // a value without quotes ends at the first white space, and as it may be empty an attribute can follow at once
    if (context === 'data') this.#state = 'data'
    else this.#state = context === 'unquoted' ? 'beforeName' : 'quoted'
    this.#quote = context
  }

  /** Reads the next part; false at the end. */
  next(): boolean {
    for (;;) {
      const read = this.#step()
      if (read !== undefined) return read
    }
  }

  /** Takes one step: true where a part was read, false at the end, undefined where only the state changed. */
  #step(): boolean | undefined {
    switch (this.#state) {
      case 'data':
        return this.#readData()
      case 'tagClose':
        return this.#emit('TAG_NAME_CLOSE', this.#position, this.#position + 1, this.#position + 1, 'data')
      case 'selfClosing':
        return this.#readSelfClosing()
      case 'beforeName':
        return this.#readBeforeName()
      case 'afterName':
        return this.#readAfterName()
      case 'beforeValue':
        return this.#readBeforeValue()
      case 'unquoted':
        return this.#readUnquoted()
      case 'quoted':
        return this.#readQuoted()
      case 'afterQuoted':
        return this.#readAfterQuoted()
      default:
        return false
    }
  }

  #emit(type: HtmlType, start: number, end: number, position: number, state: State): true {
    this.type = type
    this.start = start
    this.end = end
    this.#position = position
    this.#state = state
    if (state === 'data') this.#closing = false
    return true
  }

  /** Reads text up to the next tag; empty text is passed over. */
  #readData(): boolean | undefined {
    const from = this.#position
    const open = this.value.indexOf('<', from)
    if (open === -1) {
      return from < this.value.length && this.#emit('DATA_TEXT', from, this.value.length, this.value.length, 'end')
    }
    if (open > from) return this.#emit('DATA_TEXT', from, open, open, 'data')
    return this.#readTagOpen(open + 1)
  }

  #readTagOpen(at: number): boolean | undefined {
    const first = this.value[at]
    if (first === undefined) return false
    if (first === '!') return this.#readDeclaration(at + 1)
    if (first === '/') return this.#readEndTag(at + 1)
    if (first === '?') return this.#readBogus(at + 1, '>')
    if (first === '%') return this.#readBogus(at + 1, '%>')
    if (isLetter(first.charCodeAt(0)) || first === '\0') return this.#readTagName(at)
    // not a tag after all: the bracket is text
    return this.#emit('DATA_TEXT', at - 1, at, at, 'data')
  }

  #readEndTag(at: number): boolean | undefined {
    const first = this.value[at]
    if (first === undefined) return false
    if (first === '>') {
      this.#position = at
      this.#state = 'data'
      return undefined
    }
    if (!isLetter(first.charCodeAt(0))) return this.#readBogus(at, '>')
    this.#closing = true
    return this.#readTagName(at)
  }

  #readTagName(from: number): boolean {
    const { value } = this
    for (let at = from; at < value.length; at++) {
      const code = value.charCodeAt(at)
      if (isWhite(code)) return this.#emit('TAG_NAME_OPEN', from, at, at + 1, 'beforeName')
      if (code === 47) return this.#emit('TAG_NAME_OPEN', from, at, at + 1, 'selfClosing')
      if (code === 62) {
        if (this.#closing) return this.#emit('TAG_CLOSE', from, at, at + 1, 'data')
        return this.#emit('TAG_NAME_OPEN', from, at, at, 'tagClose')
      }
    }
    return this.#emit('TAG_NAME_OPEN', from, value.length, value.length, 'end')
  }

  #readSelfClosing(): boolean | undefined {
    if (this.#position >= this.value.length) return false
    if (this.value[this.#position] !== '>') {
      this.#state = 'beforeName'
      return undefined
    }
    const end = this.#position + 1
    return this.#emit('TAG_NAME_SELFCLOSE', end - 2, end, end, 'data')
  }

  /** Skips white space, null bytes among it; the byte behind it, or NaN at the end. */
  #skipWhite(): number {
    let code = this.value.charCodeAt(this.#position)
    while (isWhite(code) || code === 0) code = this.value.charCodeAt(++this.#position)
    return code
  }

  #readBeforeName(): boolean | undefined {
    const code = this.#skipWhite()
    if (Number.isNaN(code)) return false
    if (code === 47) {
      this.#position++
      this.#state = 'selfClosing'
      return undefined
    }
    if (code === 62) return this.#emit('TAG_NAME_CLOSE', this.#position, this.#position + 1, this.#position + 1, 'data')
    return this.#readName()
  }

  /** Reads an attribute's name; its first byte belongs to it whatever it is. */
  #readName(): boolean {
    const { value } = this
    const from = this.#position
    for (let at = from + 1; at < value.length; at++) {
      const code = value.charCodeAt(at)
      if (isWhite(code)) return this.#emit('ATTR_NAME', from, at, at + 1, 'afterName')
      if (code === 47) return this.#emit('ATTR_NAME', from, at, at + 1, 'selfClosing')
      if (code === 61) return this.#emit('ATTR_NAME', from, at, at + 1, 'beforeValue')
      if (code === 62) return this.#emit('ATTR_NAME', from, at, at, 'tagClose')
    }
    return this.#emit('ATTR_NAME', from, value.length, value.length, 'end')
  }

  #readAfterName(): boolean | undefined {
    const code = this.#skipWhite()
    if (Number.isNaN(code)) return false
    if (code === 47 || code === 61) {
      this.#position++
      this.#state = code === 47 ? 'selfClosing' : 'beforeValue'
      return undefined
    }
    if (code === 62) return this.#emit('TAG_NAME_CLOSE', this.#position, this.#position + 1, this.#position + 1, 'data')
    return this.#readName()
  }

  #readBeforeValue(): boolean | undefined {
    const code = this.#skipWhite()
    if (Number.isNaN(code)) return false
    const first = this.value[this.#position]!
    if (first === '"' || first === "'" || first === '`') {
      this.#quote = first
      this.#position++
      this.#state = 'quoted'
    } else {
      this.#state = 'unquoted'
    }
    return undefined
  }

  #readUnquoted(): boolean {
    const { value } = this
    const from = this.#position
    for (let at = from; at < value.length; at++) {
      const code = value.charCodeAt(at)
      if (isWhite(code)) return this.#emit('ATTR_VALUE', from, at, at + 1, 'beforeName')
      if (code === 62) return this.#emit('ATTR_VALUE', from, at, at, 'tagClose')
    }
    return this.#emit('ATTR_VALUE', from, value.length, value.length, 'end')
  }

  #readQuoted(): boolean {
    const from = this.#position
    const close = this.value.indexOf(this.#quote, from)
    if (close === -1) return this.#emit('ATTR_VALUE', from, this.value.length, this.value.length, 'end')
    return this.#emit('ATTR_VALUE', from, close, close + 1, 'afterQuoted')
  }

  #readAfterQuoted(): boolean | undefined {
    const code = this.value.charCodeAt(this.#position)
    if (Number.isNaN(code)) return false
    if (code === 62) return this.#emit('TAG_NAME_CLOSE', this.#position, this.#position + 1, this.#position + 1, 'data')
    if (code === 47 || isWhite(code)) this.#position++
    this.#state = code === 47 ? 'selfClosing' : 'beforeName'
    return undefined
  }

  #readDeclaration(at: number): boolean {
    const { value } = this
    if (value.slice(at, at + 7).toLowerCase() === 'doctype') return this.#readBogus(at, '>', 'DOCTYPE')
    if (value.startsWith('[CDATA[', at)) return this.#readBogus(at + 7, ']]>', 'DATA_TEXT')
    return value.startsWith('--', at) ? this.#readComment(at + 2) : this.#readBogus(at, '>')
  }

  /** Reads what no browser looks into, up to `end` or all that is left. */
  #readBogus(from: number, end: string, type: HtmlType = 'TAG_COMMENT'): true {
    const at = this.value.indexOf(end, from)
    if (at === -1) return this.#emit(type, from, this.value.length, this.value.length, 'end')
    return this.#emit(type, from, at, at + end.length, 'data')
  }

  /** Reads a comment: `-->` and `--!>` end it, and null bytes inside do not count. */
  #readComment(from: number): true {
    const { value } = this
    const close = /-\0*[-!]\0*>/g
    close.lastIndex = from
    const found = close.exec(value)
    if (found === null) return this.#emit('TAG_COMMENT', from, value.length, value.length, 'end')
    return this.#emit('TAG_COMMENT', from, found.index, close.lastIndex, 'data')
  }
}
