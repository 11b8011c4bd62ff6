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

/** What of a file changes when it does; `none` for one that is not there. */
function stateOf(path: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path)
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'none'
  }
}

interface Search {
  pattern: string
  from: string
  found: string
}

/**
 * The files of rules on the disk. It remembers what was looked for and what was read, so that a change of any of it, a
 * new file of a pattern too, can be noticed.
 */
export class RuleFiles implements FileAccess {
  private readonly baseDir: string
  private readonly searches = new Map<string, Search>()
  private readonly states = new Map<string, string>()

  /** @param baseDir folder of rules that are given as text */
  constructor(baseDir: string) {
    this.baseDir = baseDir
  }

  find(pattern: string, from: string): string[] {
    const found = this.expand(pattern, from)
    const folder = isAbsolute(from) ? dirname(from) : this.baseDir
    this.searches.set(`${folder}\0${pattern}`, { pattern, from, found: found.join('\0') })
    return found
  }

  read(path: string): string {
    return this.bytes(path).toString('latin1')
  }

  bytes(path: string): Buffer {
    // Before it is read: what is written meanwhile counts as a change.
    this.states.set(path, stateOf(path))
    return readFileSync(path)
  }

  /** Whether there is anything that could change. */
  get some(): boolean {
    return this.searches.size > 0 || this.states.size > 0
  }

  /** Whether anything is not as it was when it was looked at. */
  changed(): boolean {
    for (const [path, state] of this.states) if (stateOf(path) !== state) return true
    for (const { pattern, from, found } of this.searches.values()) {
      if (this.expand(pattern, from).join('\0') !== found) return true
    }
    return false
  }

  private expand(pattern: string, from: string): string[] {
    return expandGlob(pattern, isAbsolute(from) ? dirname(from) : this.baseDir)
  }
}
