/** Finds and reads rule files. */

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve, sep } from 'node:path'
import type { FileAccess } from './language/program.ts'

/** Turns `*`, `?` and `[…]` of one path segment into a pattern. */
function segmentPattern(segment: string): RegExp {
  const body = segment
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]')
    .replace(/\[!/g, '[^')
  return new RegExp(`^${body}$`)
}

const isGlob = (text: string): boolean => /[*?[]/.test(text)

function kindOf(path: string): 'file' | 'folder' | 'none' {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? 'none' : stat.isDirectory() ? 'folder' : 'file'
}

function expandFrom(base: string, segments: readonly string[]): string[] {
  const [segment, ...rest] = segments
  if (segment === undefined) return kindOf(base) === 'file' ? [base] : []
  if (!isGlob(segment)) return expandFrom(join(base, segment), rest)
  if (kindOf(base) !== 'folder') return []
  const pattern = segmentPattern(segment)
  const names = readdirSync(base).filter(
    (name) => pattern.test(name) && (segment.startsWith('.') || !name.startsWith('.')),
  )
  return names.sort().flatMap((name) => expandFrom(join(base, name), rest))
}

/** The files that a path with `*`, `?` or `[…]` names, sorted by name in each folder. */
function expandGlob(pattern: string, baseDir: string): string[] {
  const full = isAbsolute(pattern) ? pattern : resolve(baseDir, pattern)
  if (!isGlob(full)) return kindOf(full) === 'file' ? [full] : []
  const parts = full.split(sep)
  return expandFrom(parts[0] === '' ? sep : parts[0]!, parts.slice(1))
}

/** File access on the disk; rules given as text are taken to lie in `baseDir`. */
export function diskAccess(baseDir: string): FileAccess {
  return {
    find: (pattern, from) => expandGlob(pattern, isAbsolute(from) ? dirname(from) : baseDir),
    read: (path) => readFileSync(path, 'latin1'),
  }
}
