import { Refusal } from '@portcullis/core'

const PATH_INVALID = new Refusal(400, 'PATH_INVALID', 'The path is not allowed')
/** The request target is no path: absolute form, a fragment. */
export const TARGET_INVALID: Refusal = new Refusal(400, 'TARGET_INVALID', 'The request target must be a path')

/** Depth of nested percent-encoding that is looked through; a path that needs more is refused. */
const DECODINGS = 3

/**
 * Refuses paths that an upstream, a cache or a URL parser on the way may read as another path than the one that was
 * matched: dot segments in any encoding, backslashes, control characters, malformed percent-encoding, and request
 * targets in absolute form (RFC 9112 section 3.2.2), whose authority must not choose anything here.
 *
 * @param path the raw path, without the query.
 * @param passedOn does any of it go upstream as it is written (a prefix endpoint)? Then nested encodings are looked
 *   through as well; parameters are encoded anew and need only one level.
 */
export function guardPath(path: string, passedOn: boolean): Refusal | undefined {
  if (path.charCodeAt(0) !== 47) return TARGET_INVALID
  if (isPlain(path)) return undefined
  let current = path
  const levels = passedOn ? DECODINGS : 1
  for (let i = 0; i <= levels; i++) {
    if (isUnsafe(current)) return PATH_INVALID
    if (!current.includes('%')) return undefined
    const decoded = decode(current)
    // A malformed encoding is refused where the client wrote it; deeper down it is text ("100%25").
    if (decoded === undefined) return i === 0 ? PATH_INVALID : undefined
    if (decoded === current) return undefined
    current = decoded
  }
  return passedOn ? PATH_INVALID : undefined
}

/** Most paths: letters, digits and harmless signs, no `.` beside a `/`. One pass, nothing allocated. */
function isPlain(path: string): boolean {
  let previous = 0
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i)
    if (code <= 32 || code >= 127 || code === 37 || code === 92 || (code === 46 && previous === 47)) return false
    previous = code
  }
  return true
}

function isUnsafe(path: string): boolean {
  if (/[\x00-\x1f\x7f\\]/.test(path)) return true
  for (const segment of path.split('/')) {
    const name = segment.split(';', 1)[0]
    if (name === '.' || name === '..') return true
  }
  return false
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}
