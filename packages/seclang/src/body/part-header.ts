/** Headers of multipart bodies: the boundary, names and file names, and how oddly they are written. */

/** Names of the flags, as the variables `MULTIPART_…` are called. */
export const MULTIPART_FLAGS = [
  'BOUNDARY_QUOTED',
  'BOUNDARY_WHITESPACE',
  'DATA_BEFORE',
  'DATA_AFTER',
  'HEADER_FOLDING',
  'LF_LINE',
  'CRLF_LF_LINES',
  'MISSING_SEMICOLON',
  'INVALID_QUOTING',
  'INVALID_PART',
  'INVALID_HEADER_FOLDING',
  'FILE_LIMIT_EXCEEDED',
  'UNMATCHED_BOUNDARY',
] as const

/** One of the flags. */
export type MultipartFlag = (typeof MULTIPART_FLAGS)[number]

/** A body that cannot be taken apart; the message says why. */
export class MultipartFault extends Error {}

/** What a part is called. */
export interface Disposition {
  name: string | undefined
  fileName: string | undefined
}

/**
 * The boundary in a Content-Type; what is odd about how it is written sets a flag.
 * @throws MultipartFault when there is none, or more than one
 */
export function readBoundary(contentType: string, flags: Set<MultipartFlag>): string {
  const found = /boundary(\s*)=(\s*)/i.exec(contentType)
  if (found === null) throw new MultipartFault('Content-Type has no boundary')
  if (!/;\s*$/.test(contentType.slice(0, found.index))) flags.add('MISSING_SEMICOLON')
  if (found[1] !== '' || found[2] !== '') flags.add('BOUNDARY_WHITESPACE')
  if (/boundary.*boundary\s*=/i.test(contentType)) throw new MultipartFault('Content-Type has two boundaries')
  let value = contentType.slice(found.index + found[0].length)
  const quoted = /^"([^"]*)"\s*(.*)$/s.exec(value)
  if (quoted !== null) {
    flags.add('BOUNDARY_QUOTED')
    value = quoted[1]!
  } else {
    const end = value.search(/[;,\s]/)
    if (end >= 0) {
      if (/\s/.test(value[end]!)) flags.add('BOUNDARY_WHITESPACE')
      value = value.slice(0, end)
    }
    if (value.includes('"')) throw new MultipartFault('boundary is quoted in an invalid way')
  }
  if (value === '' || value.length > 200) throw new MultipartFault('boundary is empty or too long')
  if (!/^[ -~]*$/.test(value)) throw new MultipartFault('boundary has control bytes')
  return value
}

/**
 * `name` and `filename` of a Content-Disposition value; quoting faults set a flag.
 * @returns what other parsers may read in another way, empty when there is nothing
 */
export function readDisposition(value: string, part: Disposition, flags: Set<MultipartFlag>): string {
  const rest = /^\s*form-data\s*(.*)$/is.exec(value)?.[1]
  if (rest === undefined) throw new MultipartFault('Content-Disposition is not form-data')
  let fault = /^\s*form-data/.test(value) ? '' : 'Content-Disposition is not in lower case'
  let at = 0
  while (at < rest.length) {
    const start = /^\s*;\s*([^=;\s]+)\s*=\s*/.exec(rest.slice(at))
    if (start === null) {
      if (!/^[\s;]*$/.test(rest.slice(at))) throw new MultipartFault('Content-Disposition is malformed')
      return fault
    }
    at += start[0].length
    const [text, length] = readParameter(rest.slice(at), flags)
    at += length
    const name = start[1]!.toLowerCase()
    if (name === 'name') {
      if (part.name !== undefined) throw new MultipartFault('Content-Disposition has two names')
      part.name = text
    } else if (name === 'filename') {
      if (part.fileName !== undefined) throw new MultipartFault('Content-Disposition has two file names')
      part.fileName = text
    } else fault = `Content-Disposition has the parameter ${name.slice(0, 40)}`
  }
  return fault
}

function readParameter(text: string, flags: Set<MultipartFlag>): [value: string, length: number] {
  const quote = text[0]
  if (quote !== '"' && quote !== "'") {
    const end = text.search(/[;\s]/)
    const bare = end < 0 ? text : text.slice(0, end)
    if (/["']/.test(bare)) flags.add('INVALID_QUOTING')
    return [bare, bare.length]
  }
  if (quote === "'") flags.add('INVALID_QUOTING')
  let value = ''
  for (let i = 1; i < text.length; i++) {
    if (text[i] === '\\' && (text[i + 1] === quote || text[i + 1] === '\\')) value += text[++i]!
    else if (text[i] === quote) {
      if (!/^\s*(?:;|$)/.test(text.slice(i + 1))) flags.add('INVALID_QUOTING')
      return [value, i + 1]
    } else value += text[i]!
  }
  flags.add('INVALID_QUOTING')
  return [value, text.length]
}
