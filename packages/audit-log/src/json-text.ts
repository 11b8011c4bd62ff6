/** Everything but printable ASCII without the quote and the backslash. */
const UNSAFE = /[^ !#-[\]-~]/
const NOT_ASCII = /[^ -~]/g
const LONE_SURROGATE = /\p{Surrogate}/gu

/**
 * A text as a JSON string literal, quotes included, in printable ASCII alone: no control character, escape sequence,
 * line separator or change of writing direction of a client can act on a terminal or forge a line. Lone surrogates
 * become U+FFFD.
 *
 * @param limit most characters kept; what is cut off is told by its length.
 */
export function quote(text: string, limit = 1024): string {
  const kept = text.length > limit ? `${text.slice(0, limit)}...(+${text.length - limit})` : text
  return UNSAFE.test(kept) ? `"${escaped(kept)}"` : `"${kept}"`
}

function escaped(text: string): string {
  let result = ''
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x22 || code === 0x5c) result += `\\${text[i]}`
    else if (code >= 0x20 && code <= 0x7e) result += text[i]
    else if (code < 0xd800 || code > 0xdfff) result += unicode(code)
    else if (code <= 0xdbff && isLow(text.charCodeAt(i + 1))) result += unicode(code) + unicode(text.charCodeAt(++i))
    else result += '\\ufffd'
  }
  return result
}

function unicode(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff
}

/**
 * Any value as JSON in printable ASCII. What cannot be written (cycles, big integers) and what is longer than the
 * limit is named as such.
 *
 * @param hides names of object fields whose values are not written.
 */
export function jsonText(value: unknown, limit = 8192, hides?: (name: string) => boolean): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value, (name, inner: unknown) => {
      if (name !== '' && hides?.(name) === true) return '[redacted]'
      if (typeof inner === 'string') return inner.replace(LONE_SURROGATE, '\ufffd')
      return inner instanceof Set ? [...inner] : inner
    })
  } catch {
    return '"[unserialisable]"'
  }
  if (text === undefined) return 'null'
  if (text.length > limit) return `"[too long: ${text.length}]"`
  return text.replace(NOT_ASCII, (character) => unicode(character.charCodeAt(0)))
}
