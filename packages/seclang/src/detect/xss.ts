import { EVENTS } from './html-events.ts'
import { type HtmlContext, HtmlLexer } from './html-lexer.ts'
import { ACTIVE_TAGS, type AttributeRisk, RISKY_ATTRIBUTES } from './html-names.ts'
import { isActiveUrl } from './html-url.ts'

/** Names longer than this are in no table. */
const LONGEST_NAME = 64

/** A name as it is looked up: browsers pass over null bytes and case. */
function normalName(value: string, start: number, end: number): string {
  const name = value.slice(start, Math.min(end, start + LONGEST_NAME))
  return (name.includes('\0') ? name.replaceAll('\0', '') : name).toUpperCase()
}

function isActiveTag(value: string, start: number, end: number): boolean {
  if (end - start < 3) return false
  const name = normalName(value, start, end)
  // all of SVG and XSL can carry code in elements of their own
  return ACTIVE_TAGS.has(name) || name.startsWith('SVG') || name.startsWith('XSL')
}

function attributeRisk(value: string, start: number, end: number): AttributeRisk | undefined {
  if (end - start < 2) return undefined
  const name = normalName(value, start, end)
  if (end - start >= 5) {
    if (name.startsWith('ON') && EVENTS.has(name.slice(2))) return 'event'
    // a namespace or a link of another vocabulary brings elements in that are not looked at
    if (name.startsWith('XMLNS') || name.startsWith('XLINK')) return 'event'
  }
  return RISKY_ATTRIBUTES.get(name)
}

function isActiveComment(value: string, start: number, end: number): boolean {
  const text = value.slice(start, end)
  // old browsers ended comments at a back quote, and ran conditional ones
  if (text.includes('`')) return true
  if (text.length > 3 && (/^\[if/i.test(text) || /^xml/i.test(text))) return true
  return text.length > 5 && /^(?:import|entity)/i.test(text)
}

function isActiveValue(value: string, lexer: HtmlLexer, risk: AttributeRisk | undefined): boolean {
  switch (risk) {
    case undefined:
      return false
    case 'url':
      return isActiveUrl(value, lexer.start, lexer.end)
    case 'indirect':
      return attributeRisk(value, lexer.start, lexer.end) !== undefined
    default:
      return true
  }
}

/** Says whether a value runs a script when it is written into a document at one kind of place. */
function isActiveIn(value: string, context: HtmlContext): boolean {
  const lexer = new HtmlLexer(value, context)
  let risk: AttributeRisk | undefined
  while (lexer.next()) {
    const { type, start, end } = lexer
    if (type === 'ATTR_VALUE') {
      if (isActiveValue(value, lexer, risk)) return true
      risk = undefined
      continue
    }
    risk = undefined
    if (type === 'DOCTYPE') return true
    if (type === 'TAG_NAME_OPEN' && isActiveTag(value, start, end)) return true
    if (type === 'TAG_COMMENT' && isActiveComment(value, start, end)) return true
    if (type === 'ATTR_NAME') risk = attributeRisk(value, start, end)
  }
  return false
}

/** Says whether a value is cross-site scripting at any place it may be written to. */
export function isXss(value: string): boolean {
  return (
    isActiveIn(value, 'data') ||
    isActiveIn(value, 'unquoted') ||
    isActiveIn(value, "'") ||
    isActiveIn(value, '"') ||
    isActiveIn(value, '`')
  )
}
