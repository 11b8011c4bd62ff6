/** `multipart/form-data` with the strictness flags that the recommended rules look at (after ModSecurity's msc_multipart.c). */

import { type Disposition, MultipartFault, type MultipartFlag, readBoundary, readDisposition } from './part-header.ts'
import type { BodyError, NamedValue } from './types.ts'

export { MULTIPART_FLAGS } from './part-header.ts'

/** A file part. */
export interface FilePart {
  /** Name of the form field. */
  readonly field: string
  /** File name the client gave. */
  readonly fileName: string
  readonly content: string
}

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

/** Longest header line of a part in bytes, and most lines. */
const MAX_HEADER = 4096
const MAX_HEADERS = 64

interface Part extends Disposition {
  headers: string[]
  /** Where the content starts in the body. */
  start: number
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
      this.line(body, at, end, boundary)
      at = end
    }
    if (this.lf) this.flags.add('LF_LINE')
    if (this.lf && this.crlf) this.flags.add('CRLF_LF_LINES')
    if (!this.seenBoundary) throw new MultipartFault('no boundary found in the body')
    if (!this.finished) {
      this.endPart(body, body.length)
      throw new MultipartFault('the final boundary is missing')
    }
  }

  private line(body: string, at: number, end: number, boundary: string): void {
    const { part } = this
    // Lines of content are not taken out of the body one by one: there may be millions of them.
    if (part !== undefined && !this.inHeaders && !body.startsWith('--', at)) return
    const line = body.slice(at, end)
    const bare = line.replace(/\r?\n$/, '')
    if (line.startsWith('--') && this.isBoundary(body, at, line, bare, boundary)) return
    if (part === undefined) {
      if (bare !== '') this.flags.add(this.finished ? 'DATA_AFTER' : 'DATA_BEFORE')
    } else if (this.inHeaders) {
      this.ending(line)
      this.headerLine(bare, part)
      part.start = end
    }
  }

  private ending(line: string): void {
    if (line.endsWith('\r\n')) this.crlf = true
    else if (line.endsWith('\n')) this.lf = true
  }

  private isBoundary(body: string, at: number, line: string, bare: string, boundary: string): boolean {
    if (!bare.startsWith(boundary)) {
      // Something that looks like a boundary in content may be what another parser splits at.
      if (bare.length > 2 && !this.finished) this.flags.add('UNMATCHED_BOUNDARY')
      return false
    }
    const rest = bare.slice(boundary.length)
    if (rest === '' || rest === '--') {
      this.ending(line)
      if (this.finished) throw new MultipartFault('boundary after the final boundary')
      this.endPart(body, at)
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
    this.part = { name: undefined, fileName: undefined, headers: [], start: 0 }
    this.inHeaders = true
  }

  private headerLine(bare: string, part: Part): void {
    if (bare.length > MAX_HEADER || part.headers.length > MAX_HEADERS)
      throw new MultipartFault('part headers are too long')
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

  private endPart(body: string, end: number): void {
    const part = this.part
    this.part = undefined
    if (part === undefined) return
    if (this.inHeaders) throw new MultipartFault('a part ends within its headers')
    // The line end before the boundary belongs to the boundary.
    const lineEnd =
      end - part.start >= 2 && body[end - 2] === '\r' ? 2 : end - part.start >= 1 && body[end - 1] === '\n' ? 1 : 0
    if (lineEnd > 0) this.ending(body.slice(end - lineEnd, end))
    const content = body.slice(part.start, end - lineEnd)
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
