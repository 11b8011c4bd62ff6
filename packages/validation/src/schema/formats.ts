import type { Format } from 'ajv'
import * as ajvFormats from 'ajv-formats/dist/formats.js'
import { PatternError, parsePattern } from '../pattern/syntax.ts'

const { fullFormats } = ajvFormats
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/**
 * Longest text of a format, in characters. Some formats are checked by expressions that take quadratic time, and none of
 * them has a use for more; a longer text is none of that format.
 */
const LONGEST: Readonly<Record<string, number>> = {
  email: 320,
  hostname: 254,
  ipv4: 15,
  ipv6: 45,
  uuid: 45,
  date: 10,
  time: 64,
  'date-time': 64,
  'iso-time': 64,
  'iso-date-time': 64,
  duration: 64,
  byte: Number.POSITIVE_INFINITY,
}
const LONGEST_OTHER = 2048

/** Every format that is enforced, by name. `password` and `binary` say nothing of a text. */
export const FORMATS: Readonly<Record<string, Format>> = Object.fromEntries(
  Object.entries({ ...(fullFormats as Record<string, Format>), url: isUrl, byte: isBase64, regex: isPattern }).map(
    ([name, format]) => [name, bounded(name, format)],
  ),
)

function bounded(name: string, format: Format): Format {
  if (format === true) return true
  const longest = LONGEST[name] ?? LONGEST_OTHER
  const test = textTest(format)
  return test === undefined ? format : (text: string) => text.length <= longest && test(text)
}

/** How a format tests texts; undefined for one of numbers. */
function textTest(format: Format): ((text: string) => boolean) | undefined {
  if (format instanceof RegExp) return (text) => format.test(text)
  if (typeof format === 'function') return format
  if (typeof format !== 'object' || format.type === 'number') return undefined
  return textTest(format.validate as Format)
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && BASE64.test(text)
}

function isUrl(text: string): boolean {
  return /^(?:https?|ftp):\/\/[^\s\\]/i.test(text) && URL.canParse(text) && !/\s/.test(text)
}

function isPattern(text: string): boolean {
  try {
    parsePattern(text)
    return true
  } catch (error) {
    // A pattern that we would not run is a regular expression all the same.
    return error instanceof PatternError && !/is not a regular/.test(error.message)
  }
}
