/** Transformations that undo an encoding. They follow ModSecurity v2's `msc_util.c` byte for byte. */

/** Value of a hexadecimal digit, -1 for any other byte. */
export function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const low = code | 32
  return low >= 97 && low <= 102 ? low - 87 : -1
}

/** Two hexadecimal digits at `i` as a byte, -1 when there are none. */
function hexByte(value: string, i: number): number {
  if (i + 1 >= value.length) return -1
  const high = hexValue(value.charCodeAt(i))
  const low = hexValue(value.charCodeAt(i + 1))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

/** Full-width forms FF01-FF5E stand for ASCII; any other code point keeps its low byte. */
function narrow(high: number, low: number): number {
  return high === 0xff && low > 0 && low < 0x5f ? low + 0x20 : low
}

/** Turns `%HH` and `+` into bytes; a malformed escape stays as it is. */
export function urlDecode(value: string): string {
  let out = ''
  let from = 0
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code === 43) {
      out += value.slice(from, i) + ' '
      from = i + 1
    } else if (code === 37) {
      const byte = hexByte(value, i + 1)
      if (byte < 0) continue
      out += value.slice(from, i) + String.fromCharCode(byte)
      i += 2
      from = i + 1
    }
  }
  return from === 0 ? value : out + value.slice(from)
}

/** A code page of SecUnicodeMapFile: code point to byte. */
export type UnicodeMap = ReadonlyMap<number, number>

/** As `urlDecode`, and `%uHHHH` becomes one byte: by the code page when one is given, else full-width or the low byte. */
export function urlDecodeUni(value: string, map?: UnicodeMap): string {
  let out = ''
  let from = 0
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    let byte = -1
    let length = 1
    if (code === 43) byte = 32
    else if (code === 37) {
      if ((value.charCodeAt(i + 1) | 32) === 117) {
        const high = hexByte(value, i + 2)
        const low = hexByte(value, i + 4)
        if (high >= 0 && low >= 0) byte = map?.get(high * 256 + low) ?? narrow(high, low)
        length = 6
      } else {
        byte = hexByte(value, i + 1)
        length = 3
      }
    }
    if (byte < 0) continue
    out += value.slice(from, i) + String.fromCharCode(byte)
    i += length - 1
    from = i + 1
  }
  return from === 0 ? value : out + value.slice(from)
}

const ENTITIES: Record<string, string> = { quot: '"', amp: '&', lt: '<', gt: '>', nbsp: '\xa0' }
const ENTITY = /&(?:#[xX]([0-9a-fA-F]+)|#([0-9]+)|(quot|amp|lt|gt|nbsp)(?![0-9A-Za-z]));?/gi

/** Low byte of a number in digits of any length; only the last digits can matter for a power of two, so it cannot overflow. */
function lowByte(digits: string, radix: number): number {
  let n = 0
  for (let i = 0; i < digits.length; i++) n = Math.min(n * radix + hexValue(digits.charCodeAt(i)), 0x7fffffff)
  return n & 255
}

/** Decodes `&#xHH;`, `&#DD;` and the five named entities that ModSecurity knows; the semicolon may be missing. */
export function htmlEntityDecode(value: string): string {
  return value.replace(ENTITY, (_all, hex?: string, decimal?: string, name?: string) => {
    if (hex !== undefined) return String.fromCharCode(lowByte(hex, 16))
    if (decimal !== undefined) return String.fromCharCode(lowByte(decimal, 10))
    return ENTITIES[name!.toLowerCase()]!
  })
}

const CONTROLS: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

function octalLength(value: string, i: number): number {
  let n = 0
  while (n < 3 && i + n < value.length) {
    const code = value.charCodeAt(i + n)
    if (code < 48 || code > 55) break
    n++
  }
  return n
}

/** Decodes JavaScript escapes: `\uHHHH`, `\xHH`, octal, control letters; another escaped byte stands for itself. */
export function jsDecode(value: string): string {
  let out = ''
  let from = 0
  for (let i = value.indexOf('\\'); i >= 0 && i + 1 < value.length; i = value.indexOf('\\', i)) {
    const next = value[i + 1]!
    let length = 2
    let text = CONTROLS[next] ?? next
    const high = next === 'u' ? hexByte(value, i + 2) : -1
    const low = next === 'u' ? hexByte(value, i + 4) : next === 'x' ? hexByte(value, i + 2) : -1
    if (high >= 0 && low >= 0) {
      text = String.fromCharCode(narrow(high, low))
      length = 6
    } else if (next === 'x' && low >= 0) {
      text = String.fromCharCode(low)
      length = 4
    } else if (next >= '0' && next <= '7') {
      let digits = octalLength(value, i + 1)
      if (digits === 3 && next > '3') digits = 2
      text = String.fromCharCode(Number.parseInt(value.slice(i + 1, i + 1 + digits), 8))
      length = 1 + digits
    }
    out += value.slice(from, i) + text
    i += length
    from = i
  }
  return from === 0 ? value : out + value.slice(from)
}

/** Decodes CSS escapes: up to six hexadecimal digits and one white space after them; an escaped line feed vanishes. */
export function cssDecode(value: string): string {
  let out = ''
  let from = 0
  for (let i = value.indexOf('\\'); i >= 0; i = value.indexOf('\\', i)) {
    out += value.slice(from, i)
    i++
    let digits = 0
    while (digits < 6 && i + digits < value.length && hexValue(value.charCodeAt(i + digits)) >= 0) digits++
    if (digits > 0) {
      out += cssText(value.slice(i, i + digits))
      i += digits
      if (i < value.length && /\s/.test(value[i]!) && value[i] !== '\xa0') i++
    } else if (value[i] === '\n') i++
    else if (i < value.length) out += value[i++]!
    from = i
  }
  return from === 0 && !value.startsWith('\\') ? value : out + value.slice(from)
}

/** One byte up to FF, ASCII for full-width forms, UTF-8 for other code points (as Coraza; ModSecurity keeps the low byte). */
function cssText(hex: string): string {
  const code = Number.parseInt(hex, 16)
  if (code < 256) return String.fromCharCode(code)
  if (code >> 8 === 0xff) return String.fromCharCode(narrow(0xff, code & 255))
  return Buffer.from(code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code)).toString('latin1')
}

const ANSI: Record<string, string> = { ...CONTROLS, '\\': '\\', '?': '?', "'": "'", '"': '"' }

/** Decodes ANSI C escapes; an unknown one loses its backslash, a malformed `\\x` keeps it. */
export function escapeSeqDecode(value: string): string {
  let out = ''
  let from = 0
  for (let i = value.indexOf('\\'); i >= 0 && i + 1 < value.length; i = value.indexOf('\\', i)) {
    const next = value[i + 1]!
    let length = 2
    let text = ANSI[next] ?? next
    if (next === 'x' || next === 'X') {
      const byte = hexByte(value, i + 2)
      if (byte >= 0) {
        text = String.fromCharCode(byte)
        length = 4
      } else text = value.slice(i, i + 2)
    } else if (next >= '0' && next <= '7') {
      const digits = octalLength(value, i + 1)
      text = String.fromCharCode(Number.parseInt(value.slice(i + 1, i + 1 + digits), 8) & 255)
      length = 1 + digits
    }
    out += value.slice(from, i) + text
    i += length
    from = i
  }
  return from === 0 ? value : out + value.slice(from)
}

/** Decodes base64 up to the first byte that does not belong to it. */
export function base64Decode(value: string): string {
  const end = value.search(/[^A-Za-z0-9+/]/)
  return Buffer.from(end < 0 ? value : value.slice(0, end), 'base64').toString('latin1')
}

/** Decodes base64 and passes over bytes that do not belong to it. */
export function base64DecodeExt(value: string): string {
  return Buffer.from(value.replace(/[^A-Za-z0-9+/]/g, ''), 'base64').toString('latin1')
}

/** Turns pairs of hexadecimal digits into bytes; gives the empty string when a byte is not one. */
export function hexDecode(value: string): string {
  return /^(?:[0-9a-fA-F]{2})*$/.test(value) ? Buffer.from(value, 'hex').toString('latin1') : ''
}

/** Replaces SQL's `0xHHHH` literals by their bytes. */
export function sqlHexDecode(value: string): string {
  return value.replace(/0x((?:[0-9a-fA-F]{2})+)/gi, (_all, hex: string) => Buffer.from(hex, 'hex').toString('latin1'))
}
