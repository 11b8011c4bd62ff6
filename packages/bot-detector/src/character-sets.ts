/** Characters of a header: bytes 0 to 255, which Node hands over as one character each. */
export const ALPHABET = 256

/** A set of bytes: 1 where the byte is in it. */
export type CharacterSet = Uint8Array

/** A set of the given characters and ranges: `set('az', 'AZ', '__')` holds letters and `_`. */
export function setOf(...ranges: readonly string[]): CharacterSet {
  const made = new Uint8Array(ALPHABET)
  for (const range of ranges) made.fill(1, range.charCodeAt(0), range.charCodeAt(1) + 1)
  return made
}

/** The set of one byte. */
export function single(code: number): CharacterSet {
  const made = new Uint8Array(ALPHABET)
  made[code] = 1
  return made
}

/** Everything that is not in the set. */
export function complement(set: CharacterSet): CharacterSet {
  return set.map((bit) => 1 - bit)
}

/** Adds the other set's members. */
export function addAll(set: CharacterSet, other: CharacterSet): void {
  for (let code = 0; code < ALPHABET; code++) if (other[code] === 1) set[code] = 1
}

/** With every ASCII letter also in the other case. */
export function foldCase(set: CharacterSet): CharacterSet {
  const folded = set.slice()
  for (let code = 65; code <= 90; code++) {
    if (set[code] === 1 || set[code + 32] === 1) folded[code] = folded[code + 32] = 1
  }
  return folded
}

/** `\d`, `\w`, `\s`: ASCII, as RE2 has them. */
export const CLASSES: Readonly<Record<string, CharacterSet>> = {
  d: setOf('09'),
  w: setOf('az', 'AZ', '09', '__'),
  s: setOf('\t\n', '\f\r', '  '),
}

/** `[[:alpha:]]` and the like. */
export const POSIX_CLASSES: Readonly<Record<string, CharacterSet>> = {
  alnum: setOf('az', 'AZ', '09'),
  alpha: setOf('az', 'AZ'),
  ascii: setOf('\x00\x7f'),
  blank: setOf('\t\t', '  '),
  cntrl: setOf('\x00\x1f', '\x7f\x7f'),
  digit: setOf('09'),
  graph: setOf('!~'),
  lower: setOf('az'),
  print: setOf(' ~'),
  punct: setOf('!/', ':@', '[`', '{~'),
  space: setOf('\t\r', '  '),
  upper: setOf('AZ'),
  word: setOf('az', 'AZ', '09', '__'),
  xdigit: setOf('09', 'af', 'AF'),
}
