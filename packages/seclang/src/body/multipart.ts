/** `multipart/form-data` with the strictness flags that the recommended rules look at (after ModSecurity's msc_multipart.c). */

import type { BodyError, NamedValue } from './types.ts'

/** A file part. */
export interface FilePart {
  /** Name of the form field. */
  readonly field: string
  /** File name the client gave. */
  readonly fileName: string
  readonly content: string
}

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

/** What a body holds. */
export interface MultipartContent {
  readonly fields: NamedValue[]
  readonly files: FilePart[]
  /** Part headers: key = field name, value = the whole header line. */
  readonly partHeaders: NamedValue[]
  readonly flags: Set<MultipartFlag>
  readonly error?: BodyError
}

/** Bounds of the reader. */
export interface MultipartLimits {
  /** Most parts. */
  readonly parts: number
  /** Most file parts. */
  readonly files: number
}

class MultipartFault extends Error {}

interface Part {
  name: string | undefined
  fileName: string | undefined
  headers: string[]
  lines: string[]
}

/** The boundary in a Content-Type, with what is odd about how it is written. */
function readBoundary(contentType: string, flags: Set<MultipartFlag>): string {
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
function readDisposition(value: string, part: Part, flags: Set<MultipartFlag>): string {
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

class MultipartReader {
  readonly fields: NamedValue[] = []
  readonly files: FilePart[] = []
  readonly partHeaders: NamedValue[] = []
  readonly flags = new Set<MultipartFlag>()
  private readonly limits: MultipartLimits
  error: BodyError | undefined
  private part: Part | undefined
  private inHeaders = false
  private seenBoundary = false
  private finished = false
  private crlf = false
  private lf = false

  constructor(limits: MultipartLimits) {
    this.limits = limits
  }

  read(contentType: string, body: string): void {
    const boundary = `--${readBoundary(contentType, this.flags)}`
    let at = 0
    while (at < body.length) {
      const newline = body.indexOf('\n', at)
      const end = newline < 0 ? body.length : newline + 1
      this.line(body.slice(at, end), boundary)
      at = end
    }
    if (this.lf) this.flags.add('LF_LINE')
    if (this.lf && this.crlf) this.flags.add('CRLF_LF_LINES')
    if (!this.seenBoundary) throw new MultipartFault('no boundary found in the body')
    if (!this.finished) {
      this.endPart()
      throw new MultipartFault('the final boundary is missing')
    }
  }

  private line(line: string, boundary: string): void {
    const bare = line.replace(/\r?\n$/, '')
    if (line.startsWith('--') && this.isBoundary(line, bare, boundary)) return
    if (this.part !== undefined) {
      if (this.inHeaders) {
        this.ending(line)
        this.headerLine(bare, this.part)
      } else this.part.lines.push(line)
    } else if (bare !== '') this.flags.add(this.finished ? 'DATA_AFTER' : 'DATA_BEFORE')
  }

  private ending(line: string): void {
    if (line.endsWith('\r\n')) this.crlf = true
    else if (line.endsWith('\n')) this.lf = true
  }

  private isBoundary(line: string, bare: string, boundary: string): boolean {
    if (!bare.startsWith(boundary)) {
      // Something that looks like a boundary in content may be what another parser splits at.
      if (bare.length > 2 && !this.finished) this.flags.add('UNMATCHED_BOUNDARY')
      return false
    }
    const rest = bare.slice(boundary.length)
    if (rest === '' || rest === '--') {
      this.ending(line)
      if (this.finished) throw new MultipartFault('boundary after the final boundary')
      this.endPart()
      this.seenBoundary = true
      if (rest === '--') this.finished = true
      else this.startPart()
      return true
    }
    this.fault(`the boundary goes on with "${rest.slice(0, 20)}"`)
    return false
  }

  /** Something that other parsers may read in another way: an error, yet what can be read is looked at as well. */
  private fault(message: string): void {
    this.error ??= { message }
  }

  private startPart(): void {
    if (this.fields.length + this.files.length >= this.limits.parts) throw new MultipartFault('too many parts')
    this.part = { name: undefined, fileName: undefined, headers: [], lines: [] }
    this.inHeaders = true
  }

  private headerLine(bare: string, part: Part): void {
    if (bare === '') {
      this.inHeaders = false
      for (const header of part.headers) this.header(header, part)
      if (part.name === undefined) this.flags.add('INVALID_PART')
      for (const header of part.headers) this.partHeaders.push({ key: part.name ?? '', value: header })
    } else if (/^[ \t]/.test(bare)) {
      this.flags.add('HEADER_FOLDING')
      if (!/^[ \t]/.test(bare) || part.headers.length === 0) this.flags.add('INVALID_HEADER_FOLDING')
      if (part.headers.length > 0) part.headers[part.headers.length - 1] += ` ${bare.trimStart()}`
    } else part.headers.push(bare)
  }

  private header(line: string, part: Part): void {
    const colon = line.indexOf(':')
    if (colon <= 0) throw new MultipartFault('a part header has no name')
    const name = line.slice(0, colon)
    if (name !== name.trim()) this.fault('a part header has white space around its name')
    if (name.trim().toLowerCase() === 'content-disposition') {
      const fault = readDisposition(line.slice(colon + 1), part, this.flags)
      if (fault !== '') this.fault(fault)
    }
  }

  private endPart(): void {
    const part = this.part
    this.part = undefined
    if (part === undefined) return
    if (this.inHeaders) throw new MultipartFault('a part ends within its headers')
    // The line end before the boundary belongs to the boundary.
    const last = part.lines.pop()
    if (last !== undefined) {
      this.ending(last)
      part.lines.push(last.replace(/\r?\n$/, ''))
    }
    const content = part.lines.join('')
    if (part.name === undefined) return
    if (part.fileName === undefined) this.fields.push({ key: part.name, value: content })
    else if (this.files.length >= this.limits.files) this.flags.add('FILE_LIMIT_EXCEEDED')
    else this.files.push({ field: part.name, fileName: part.fileName, content })
  }
}

/** Reads a body; on an error what came before it is handed over as well. */
export function parseMultipart(contentType: string, body: string, limits: MultipartLimits): MultipartContent {
  const reader = new MultipartReader(limits)
  const { fields, files, partHeaders, flags } = reader
  try {
    reader.read(contentType, body)
    const { error } = reader
    return error === undefined ? { fields, files, partHeaders, flags } : { fields, files, partHeaders, flags, error }
  } catch (error) {
    if (!(error instanceof MultipartFault)) throw error
    return { fields, files, partHeaders, flags, error: { message: error.message } }
  }
}
