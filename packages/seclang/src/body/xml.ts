/**
 * Reads the text and the attribute values of an XML document: what the XPaths `/*` and `//@*` of the Core Rule Set ask
 * for. No DTD is read and no entity expanded beyond the five of XML itself, so a document cannot grow.
 */

import type { BodyError, NamedValue } from './types.ts'

/** What a document holds; byte strings. */
export interface XmlContent {
  /** All text below the root element, in order, joined: the value of `/*`. */
  readonly text: string
  /** Attribute values in document order: `//@*`. */
  readonly attributes: string[]
  /**
   * The text of elements by the names on the way to them, `xml.order.item`, where that was asked for: of those that hold
   * no others, and of those that hold text between others.
   */
  readonly elements: NamedValue[]
  readonly error?: BodyError
}

const MAX_DEPTH = 512
const MAX_ATTRIBUTES = 10_000
/** Bytes of the names on the way to an element, where elements become arguments. */
const MAX_PATH = 4096
const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }
const ATTRIBUTE = /\s+([^\s=/>"'<]+)\s*=\s*(?:"([^"<]*)"|'([^'<]*)')/y
const NAME = /[^\s/>"'=<&]+/y

class XmlFault extends Error {}

function decode(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&([^;&<\s]{0,32};)?/g, (all, reference?: string) => {
    const name = reference?.slice(0, -1) ?? ''
    const number = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(name)
    if (number !== null) {
      const point = number[1] === undefined ? Number(number[2]) : Number.parseInt(number[1], 16)
      if (point > 0 && point <= 0x10ffff) return Buffer.from(String.fromCodePoint(point)).toString('latin1')
    }
    const plain = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined
    if (plain === undefined) throw new XmlFault(`unknown entity ${all.slice(0, 20)}`)
    return plain
  })
}

class XmlReader {
  readonly attributes: string[] = []
  readonly parts: string[] = []
  readonly elements: NamedValue[] = []
  private readonly open: string[] = []
  /** What each open element holds itself. */
  private readonly held: { texts: string[]; innermost: boolean }[] = []
  private at = 0
  private roots = 0
  private readonly source: string
  private readonly maxElements: number

  constructor(source: string, maxElements: number) {
    this.source = source
    this.maxElements = maxElements
  }

  read(): void {
    if (this.source.startsWith('\xef\xbb\xbf')) this.at = 3
    while (this.at < this.source.length) {
      if (this.source[this.at] === '<') this.markup()
      else this.content()
    }
    if (this.open.length > 0)
      throw new XmlFault(`element ${this.open[this.open.length - 1]!.slice(0, 40)} is not closed`)
    if (this.roots === 0) throw new XmlFault('there is no element')
  }

  private content(): void {
    let end = this.source.indexOf('<', this.at)
    if (end < 0) end = this.source.length
    const text = this.source.slice(this.at, end)
    this.at = end
    if (this.open.length > 0) this.text(decode(text))
    else if (/\S/.test(text)) throw new XmlFault('text outside the root element')
  }

  private until(close: string, from: number): string {
    const end = this.source.indexOf(close, from)
    if (end < 0) throw new XmlFault(`"${close}" is missing`)
    this.at = end + close.length
    return this.source.slice(from, end)
  }

  private markup(): void {
    const s = this.source
    if (s.startsWith('<!--', this.at)) this.until('-->', this.at + 4)
    else if (s.startsWith('<![CDATA[', this.at)) this.cdata()
    else if (s.startsWith('<?', this.at)) this.until('?>', this.at + 2)
    else if (s.startsWith('<!', this.at)) throw new XmlFault('document type declarations are not read')
    else if (s[this.at + 1] === '/') this.closeTag()
    else this.openTag()
  }

  private cdata(): void {
    const text = this.until(']]>', this.at + 9)
    if (this.open.length === 0) throw new XmlFault('CDATA outside the root element')
    this.text(text)
  }

  private name(from: number): string {
    NAME.lastIndex = from
    const name = NAME.exec(this.source)?.[0]
    if (name === undefined) throw new XmlFault(`a name is missing at ${from}`)
    this.at = from + name.length
    return name
  }

  private closeTag(): void {
    const name = this.name(this.at + 2)
    const rest = this.until('>', this.at)
    if (/\S/.test(rest) || this.open.at(-1) !== name)
      throw new XmlFault(`</${name.slice(0, 40)}> does not close anything`)
    this.end()
  }

  private begin(name: string): void {
    this.open.push(name)
    if (this.open.length > MAX_DEPTH) throw new XmlFault('elements are nested too deeply')
    if (this.maxElements === 0) return
    const around = this.held.at(-1)
    if (around !== undefined) around.innermost = false
    this.held.push({ texts: [], innermost: true })
  }

  private text(text: string): void {
    this.parts.push(text)
    this.held.at(-1)?.texts.push(text)
  }

  private end(): void {
    const held = this.held.pop()
    if (held !== undefined && this.elements.length < this.maxElements) {
      const value = held.texts.join('')
      if (held.innermost || /\S/.test(value)) this.elements.push({ key: this.path(), value })
    }
    this.open.pop()
  }

  private path(): string {
    const length = this.open.reduce((sum, name) => sum + name.length + 1, 0)
    if (length > MAX_PATH) throw new XmlFault('the names on the way to an element are too long')
    return `xml.${this.open.join('.')}`
  }

  private openTag(): void {
    if (this.open.length === 0 && this.roots > 0) throw new XmlFault('there are two root elements')
    const name = this.name(this.at + 1)
    this.roots++
    for (;;) {
      ATTRIBUTE.lastIndex = this.at
      const found = ATTRIBUTE.exec(this.source)
      if (found === null) break
      if (this.attributes.length >= MAX_ATTRIBUTES) throw new XmlFault('there are too many attributes')
      this.attributes.push(decode(found[2] ?? found[3] ?? ''))
      this.at += found[0].length
    }
    while (/\s/.test(this.source[this.at] ?? '')) this.at++
    if (this.source.startsWith('/>', this.at)) {
      this.at += 2
      this.begin(name)
      this.end()
    } else if (this.source[this.at] === '>') {
      this.at++
      this.begin(name)
    } else throw new XmlFault(`malformed tag ${name.slice(0, 40)}`)
  }
}

/**
 * Reads a document; on an error what came before it is handed over as well.
 * @param maxElements most elements to hand over one by one
 */
export function parseXml(source: string, maxElements = 0): XmlContent {
  const reader = new XmlReader(source, maxElements)
  const content = (): XmlContent => {
    const { parts, attributes, elements } = reader
    return { text: parts.join(''), attributes, elements }
  }
  try {
    reader.read()
    return content()
  } catch (error) {
    if (!(error instanceof XmlFault)) throw error
    return { ...content(), error: { message: error.message } }
  }
}
