/**
 * Adds names to a `Vary` header and keeps what stands there already.
 *
 * @param present the header as set so far.
 * @param names the names to add, as they should be written.
 * @returns `*` when that stands there, since it covers every name (RFC 9110, section 12.5.5).
 */
export function mergeVary(present: string | number | readonly string[] | undefined, names: string): string {
  if (present === undefined || present === '') return names
  const list = (typeof present === 'object' ? present.join(',') : String(present)).split(',').map((name) => name.trim())
  if (list.includes('*')) return '*'
  const known = new Set(list.map((name) => name.toLowerCase()))
  const added = names.split(', ').filter((name) => !known.has(name.toLowerCase()))
  return [...list.filter((name) => name !== ''), ...added].join(', ')
}
