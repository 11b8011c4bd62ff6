/** A request taken apart. */
export interface RawRequest {
  method: string
  target: string
  version: string
  headers: string[]
  body: Buffer
}

/**
 * Takes a request apart leniently: it was written by hand, or refused by a parser.
 *
 * @returns undefined when it has no request line.
 */
export function parseRequest(bytes: Buffer): RawRequest | undefined {
  const text = bytes.toString('latin1')
  const end = /\r?\n\r?\n/.exec(text)
  const head = end === null ? text.trimEnd() : text.slice(0, end.index)
  const [line = '', ...rest] = head.split(/\r?\n/)
  const [method, target, version = 'HTTP/1.1'] = line.split(/[ \t]+/)
  if (method === undefined || method === '' || target === undefined) return undefined
  const headers: string[] = []
  for (const header of rest) {
    const colon = header.indexOf(':')
    if (colon > 0) headers.push(header.slice(0, colon), header.slice(colon + 1).trim())
  }
  return {
    method,
    target,
    version,
    headers,
    body: end === null ? Buffer.alloc(0) : bytes.subarray(end.index + end[0].length),
  }
}
