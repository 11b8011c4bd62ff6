/** What a byte begins, as read by the SQL lexer. */
export const Kind = {
  white: 0,
  word: 1,
  digit: 2,
  quote: 3,
  tick: 4,
  bracket: 5,
  dollar: 6,
  at: 7,
  dash: 8,
  slash: 9,
  hash: 10,
  backslash: 11,
  single: 12,
  operator: 13,
  pair: 14,
  other: 15,
  prefixed: 16,
} as const

function buildKinds(): Uint8Array {
  const kinds = new Uint8Array(256).fill(Kind.other)
  const put = (characters: string, kind: number): void => {
    for (const character of characters) kinds[character.charCodeAt(0)] = kind
  }
  for (let code = 0; code <= 32; code++) kinds[code] = Kind.white
  for (let code = 127; code < 256; code++) kinds[code] = Kind.word
  put('\xa0', Kind.white)
  put('_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', Kind.word)
  put('benquxBENQUX', Kind.prefixed)
  put('.0123456789', Kind.digit)
  put('\'"', Kind.quote)
  put('`', Kind.tick)
  put('[', Kind.bracket)
  put('$', Kind.dollar)
  put('@', Kind.at)
  put('-', Kind.dash)
  put('/', Kind.slash)
  put('#', Kind.hash)
  put('\\', Kind.backslash)
  put('(){},;', Kind.single)
  put('%+^~', Kind.operator)
  put('!&*:<=>|', Kind.pair)
  return kinds
}

/** The kind of each byte. */
export const KINDS: Uint8Array = buildKinds()

/** A table with a one for each of `characters`. */
function byteSet(characters: string): Uint8Array {
  const set = new Uint8Array(256)
  for (const character of characters) set[character.charCodeAt(0)] = 1
  return set
}

/** Bytes that end a word. */
export const WORD_STOP: Uint8Array = byteSet(' []{}<>:\\?=@!#~+-*/&|^%(),\';\t\n\v\f\r"\xa0\0')
/** Bytes that end the name of a variable. */
export const VARIABLE_STOP: Uint8Array = byteSet(' <>:\\?=@!#~+-*/&|^%(),\';\t\n\v\f\r"`\xa0\0')
/** White space inside a statement; narrower than what the lexer skips between tokens. */
export const WHITE: Uint8Array = byteSet(' \t\n\v\f\r\xa0\0')
/** Decimal digits. */
export const DIGIT: Uint8Array = byteSet('0123456789')
/** Digits of a hexadecimal literal. */
export const HEX: Uint8Array = byteSet('0123456789abcdefABCDEF')
/** Digits of a binary literal. */
export const BINARY: Uint8Array = byteSet('01')
/** What an amount of money is written with. */
export const MONEY: Uint8Array = byteSet('0123456789.,')
/** Letters of a dollar quote's tag. */
export const LETTER: Uint8Array = byteSet('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ')

/** The first position at or behind `from` whose byte is not in `set`. */
export function skipIn(value: string, from: number, set: Uint8Array): number {
  let at = from
  while (at < value.length && set[value.charCodeAt(at) & 255] === 1) at++
  return at
}

/** The first position at or behind `from` whose byte is in `set`. */
export function skipUntil(value: string, from: number, set: Uint8Array): number {
  let at = from
  while (at < value.length && set[value.charCodeAt(at) & 255] !== 1) at++
  return at
}
