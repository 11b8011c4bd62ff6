/** The table of transformations with, for each, the byte classes without which it changes nothing. */

import { CLASS } from './classes.ts'
import * as decode from './decode.ts'
import * as encode from './encode.ts'
import * as norm from './normalise.ts'
import { ASCII_MAP } from './unicode-map.ts'

export { CLASS, classify } from './classes.ts'

/** One transformation. */
export interface Transformation {
  /** Index in {@link TRANSFORMATIONS}. */
  readonly id: number
  /** Name as documented. */
  readonly name: string
  /** A value with none of these class bits comes out as it went in; -1 when any value may change. */
  readonly trigger: number
  /** The change itself, on byte strings. */
  readonly apply: (value: string) => string
}

const C = CLASS
const SPACES = C.SPACE | C.CONTROL_SPACE | C.NBSP

const ROWS: [name: string, trigger: number, apply: (value: string) => string][] = [
  ['base64Decode', -1, decode.base64Decode],
  ['base64DecodeExt', -1, decode.base64DecodeExt],
  ['base64Encode', -1, encode.base64Encode],
  [
    'cmdLine',
    // A single space changes only before a slash or parenthesis.
    C.UPPER | C.QUOTE | C.BACKSLASH | C.CARET | C.SEPARATOR | C.CONTROL_SPACE | C.SPACE_RUN | C.SLASH | C.PAREN,
    norm.cmdLine,
  ],
  ['compressWhitespace', C.CONTROL_SPACE | C.NBSP | C.SPACE_RUN, norm.compressWhitespace],
  ['cssDecode', C.BACKSLASH, decode.cssDecode],
  ['escapeSeqDecode', C.BACKSLASH, decode.escapeSeqDecode],
  ['hexDecode', -1, decode.hexDecode],
  ['hexEncode', -1, encode.hexEncode],
  ['htmlEntityDecode', C.AMP, decode.htmlEntityDecode],
  ['jsDecode', C.BACKSLASH, decode.jsDecode],
  ['length', -1, encode.length],
  ['lowercase', C.UPPER, norm.lowercase],
  ['md5', -1, encode.md5],
  ['normalisePath', C.SLASH | C.DOT, norm.normalisePath],
  ['normalisePathWin', C.SLASH | C.DOT | C.BACKSLASH, norm.normalisePathWin],
  ['parityEven7bit', -1, encode.parityEven7bit],
  ['parityOdd7bit', -1, encode.parityOdd7bit],
  ['parityZero7bit', C.HIGH, encode.parityZero7bit],
  ['removeComments', C.STAR | C.DASH | C.HASH, norm.removeComments],
  ['removeCommentsChar', C.STAR | C.DASH | C.HASH, norm.removeCommentsChar],
  ['removeNulls', C.NUL, norm.removeNulls],
  ['removeWhitespace', SPACES, norm.removeWhitespace],
  ['replaceComments', C.STAR, norm.replaceComments],
  ['replaceNulls', C.NUL, norm.replaceNulls],
  ['sha1', -1, encode.sha1],
  ['sqlHexDecode', -1, decode.sqlHexDecode],
  ['trim', SPACES, norm.trim],
  ['trimLeft', SPACES, norm.trimLeft],
  ['trimRight', SPACES, norm.trimRight],
  ['uppercase', C.LOWER, norm.uppercase],
  ['urlDecode', C.PERCENT | C.PLUS, decode.urlDecode],
  ['urlDecodeUni', C.PERCENT | C.PLUS, (value) => decode.urlDecodeUni(value, ASCII_MAP)],
  ['urlEncode', -1, encode.urlEncode],
  ['utf8toUnicode', C.HIGH, encode.utf8toUnicode],
]

/** All transformations by id. */
export const TRANSFORMATIONS: readonly Transformation[] = ROWS.map(([name, trigger, apply], id) => ({
  id,
  name,
  trigger,
  apply,
}))

const BY_NAME = new Map(TRANSFORMATIONS.map((t) => [t.name.toLowerCase(), t]))
for (const [alias, name] of [
  ['normalizepath', 'normalisepath'],
  ['normalizepathwin', 'normalisepathwin'],
] as const) {
  BY_NAME.set(alias, BY_NAME.get(name)!)
}

/** Names that `t:` takes, `none` included. */
export const TRANSFORMATION_NAMES: readonly string[] = ['none', ...TRANSFORMATIONS.map((t) => t.name)]

/** Looks a transformation up, whatever the case; undefined when there is none of that name. */
export function transformationNamed(name: string): Transformation | undefined {
  return BY_NAME.get(name.toLowerCase())
}
