/** Schemes by which an address runs code or carries a document. */
const ACTIVE_SCHEMES = ['DATA', 'VIEW-SOURCE', 'VBSCRIPT', 'JAVA'] as const
const LONGEST_SCHEME = 11

/** Where the reading of a value with character references stands. */
interface Cursor {
  readonly value: string
  readonly end: number
  at: number
}

function digitValue(code: number, hex: boolean): number {
  if (code >= 48 && code <= 57) return code - 48
  const letter = code | 32
  return hex && letter >= 97 && letter <= 102 ? letter - 87 : -1
}

/** Reads one character, a numeric reference (`&#x6a;`, `&#106`) counting as the character it stands for. */
function decode(cursor: Cursor): number {
  const { value, at, end } = cursor
  const code = value.charCodeAt(at)
  cursor.at = at + 1
  if (code !== 38 || value[at + 1] !== '#') return code
  const hex = value[at + 2] === 'x' || value[at + 2] === 'X'
  const from = at + (hex ? 3 : 2)
  let digits = from
  let decoded = 0
  while (digits < end) {
    const digit = digitValue(value.charCodeAt(digits), hex)
    if (digit < 0) break
    decoded = decoded * (hex ? 16 : 10) + digit
    // no character has such a number: the ampersand is one
    if (decoded > 0x1000ff) return code
    digits++
  }
  if (digits === from) return code
  cursor.at = value[digits] === ';' && digits < end ? digits + 1 : digits
  return decoded
}

/** Says whether the address in `value[start, end)` has a scheme that runs code, whatever hides it. */
export function isActiveUrl(value: string, start: number, end: number): boolean {
  let from = start
  while (from < end && (value.charCodeAt(from) <= 32 || value.charCodeAt(from) >= 127)) from++
  const cursor: Cursor = { value, end, at: from }
  let scheme = ''
  while (cursor.at < end && scheme.length < LONGEST_SCHEME) {
    const code = decode(cursor)
    // browsers pass over null bytes and line feeds, and over what stands before a scheme
    if (code === 0 || code === 10 || (scheme === '' && code <= 32)) continue
    // of a large number the low byte counts
    scheme += String.fromCharCode(code >= 97 && code <= 122 ? code - 32 : code & 255)
  }
  return ACTIVE_SCHEMES.some((active) => scheme.startsWith(active))
}
