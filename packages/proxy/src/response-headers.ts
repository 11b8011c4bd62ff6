const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** An upstream's response headers, read for the client. */
export interface ResponseHeaders {
  /** Lower-case names; a repeated header is a list. */
  headers: Record<string, string | string[]>
  /** Declared length in bytes; -1 when there is none. */
  length: number
}

/**
 * Reads a raw header block (name, value, name, value …) and leaves out what is for the hop between the gateway and
 * the upstream only (RFC 9110 section 7.6.1).
 *
 * @returns undefined when a header cannot be passed on: a value with control characters, two lengths.
 */
export function readResponseHeaders(raw: readonly Buffer[]): ResponseHeaders | undefined {
  const headers: Record<string, string | string[]> = {}
  let length = -1
  let dropped: string[] | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toString('latin1').toLowerCase()
    const value = raw[i + 1]!.toString('latin1')
    if (name === 'connection') dropped = value.toLowerCase().split(',')
    if (HOP_BY_HOP.has(name)) continue
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return undefined
    if (name === 'content-length') {
      const declared = Number(value)
      if (!/^[0-9]+$/.test(value) || (length !== -1 && length !== declared)) return undefined
      length = declared
      headers[name] = value
    } else append(headers, name, value)
  }
  if (dropped !== undefined) for (const name of dropped) delete headers[name.trim()]
  return { headers, length }
}

function append(headers: Record<string, string | string[]>, name: string, value: string): void {
  const before = headers[name]
  if (before === undefined) headers[name] = value
  else if (Array.isArray(before)) before.push(value)
  else headers[name] = [before, value]
}
