/** Transformations that bring different spellings of a value together. They follow ModSecurity v2's `re_tfns.c`. */

/** ASCII letters to lower case; bytes above 127 stay, unlike with `toLowerCase`. */
export function lowercase(value: string): string {
  return value.replace(/[A-Z]+/g, (s) => s.toLowerCase())
}

/** ASCII letters to upper case. */
export function uppercase(value: string): string {
  return value.replace(/[a-z]+/g, (s) => s.toUpperCase())
}

/** Removes NUL bytes. */
export function removeNulls(value: string): string {
  return value.replaceAll('\0', '')
}

/** NUL bytes become spaces. */
export function replaceNulls(value: string): string {
  return value.replaceAll('\0', ' ')
}

/** Runs of white space become one space. */
export function compressWhitespace(value: string): string {
  return value.replace(/[\t-\r \xa0]+/g, ' ')
}

/** Removes white space. */
export function removeWhitespace(value: string): string {
  return value.replace(/[\t-\r \xa0]+/g, '')
}

/** Removes white space at the start. */
export function trimLeft(value: string): string {
  let i = 0
  while (i < value.length && isSpace(value.charCodeAt(i))) i++
  return value.slice(i)
}

/** Removes white space at the end. */
export function trimRight(value: string): string {
  let end = value.length
  while (end > 0 && isSpace(value.charCodeAt(end - 1))) end--
  return value.slice(0, end)
}

/** Removes white space at both ends. */
export function trim(value: string): string {
  return trimRight(trimLeft(value))
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13) || code === 0xa0
}

const ONE_OF_COMMENT_SIGNS = /\/\*|\*\/|<!--|-->|--|#/g

/** Removes the signs that start or end a comment, not what is between them. */
export function removeCommentsChar(value: string): string {
  return value.replace(ONE_OF_COMMENT_SIGNS, '')
}

/** Each C comment becomes one space; one that does not end runs to the end of the value. */
export function replaceComments(value: string): string {
  let out = ''
  let from = 0
  for (let start = value.indexOf('/*'); start >= 0; start = value.indexOf('/*', from)) {
    out += value.slice(from, start) + ' '
    const end = value.indexOf('*/', start + 2)
    if (end < 0) return out
    from = end + 2
  }
  return from === 0 ? value : out + value.slice(from)
}

/**
 * Removes comments; `--` and `#` comment out the rest. As in ModSecurity the byte after a comment is taken unseen (NUL at
 * the end of the value) and an open comment becomes a space.
 */
export function removeComments(value: string): string {
  let out = ''
  let i = 0
  while (i < value.length) {
    const close = value.startsWith('/*', i) ? '*/' : value.startsWith('<!--', i) ? '-->' : ''
    if (close !== '') {
      const end = value.indexOf(close, i + (close === '*/' ? 2 : 4))
      if (end < 0) return `${out} `
      i = end + close.length
      out += value[i++] ?? '\0'
    } else if (value.startsWith('--', i) || value[i] === '#') {
      return out
    } else out += value[i++]!
  }
  return out
}

/** What cmdLine makes of a byte: 1 = nothing, 2 = a separator, 3 = it takes no space before it. */
const COMMAND = new Uint8Array(256)
for (const c of '"\'\\^') COMMAND[c.charCodeAt(0)] = 1
for (const c of ' ,;\t\r\n') COMMAND[c.charCodeAt(0)] = 2
for (const c of '/(') COMMAND[c.charCodeAt(0)] = 3

/** Evasion tricks of command lines: quotes, carets and backslashes vanish, separators become one space. */
export function cmdLine(value: string): string {
  let out = ''
  let from = 0
  let separated = false
  for (let i = 0; i < value.length; i++) {
    const kind = COMMAND[value.charCodeAt(i) & 255]!
    if (kind === 1 || kind === 2) {
      out += value.slice(from, i)
      from = i + 1
      separated ||= kind === 2
    } else if (separated) {
      if (kind !== 3) out += ' '
      separated = false
    }
  }
  return lowercase(from === 0 ? value : out + value.slice(from) + (separated ? ' ' : ''))
}

/** Resolves `//`, `/./` and `/../`; steps above the start are dropped for absolute paths and kept for relative ones. */
export function normalisePath(value: string): string {
  return resolvePath(value)
}

/** As `normalisePath` after turning backslashes into slashes. */
export function normalisePathWin(value: string): string {
  return resolvePath(value.replaceAll('\\', '/'))
}

/** What there is to resolve in a path. */
const UNRESOLVED = /\/\/|(?:^|\/)\.{1,2}(?:\/|$)/

function resolvePath(path: string): string {
  if (!UNRESOLVED.test(path)) return path
  const absolute = path.startsWith('/')
  const parts = path.split('/')
  const kept: string[] = []
  let above = 0
  for (const part of parts) {
    if (part === '' || part === '.') continue
    if (part !== '..') kept.push(part)
    else if (kept.length > above) kept.pop()
    else if (!absolute) {
      kept.push('..')
      above++
    }
  }
  const directory = path.endsWith('/') && kept.length > 0
  return `${absolute ? '/' : ''}${kept.join('/')}${directory ? '/' : ''}`
}
