/**
 * Does a message have a header more than once? Of most headers Node keeps the first and drops the others in silence,
 * while an upstream may read the last.
 *
 * @param rawHeaders names and values in turn, as Node has them.
 * @param name lower-case.
 */
export function isRepeated(rawHeaders: readonly string[], name: string): boolean {
  let seen = false
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const candidate = rawHeaders[i]!
    if (candidate.length !== name.length || candidate.toLowerCase() !== name) continue
    if (seen) return true
    seen = true
  }
  return false
}
