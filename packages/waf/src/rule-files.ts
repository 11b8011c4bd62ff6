/** Which files rules come from, and whether they have changed. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { RuleSource } from './settings.ts'

const GLOB = /[*?[]/
/** Operators that read a file beside the rules. */
const DATA_FILE = /@(?:pmFromFile|pmf|ipMatchFromFile|ipMatchF)\s+([^"\n]+)/gi
/** Includes reach further folders. */
const INCLUDE = /^\s*Include(?:Optional)?\s+"?([^"\s]+)"?/gim

/** Largest rule file that is looked into for names of further files, in bytes. */
const MAX_READ = 4 * 1024 * 1024

/** Folders whose files make up a source: a change in any of them is looked for. */
export function foldersOf(source: RuleSource): string[] {
  const folders = new Set<string>()
  const patterns = source.rulesFiles.map((file) => resolve(source.baseDir, file))
  if (source.crs !== undefined && source.crs !== 'embedded') {
    const crs = resolve(source.baseDir, source.crs)
    for (const folder of [crs, join(crs, 'rules'), join(crs, 'plugins')]) if (existsSync(folder)) folders.add(folder)
    patterns.push(join(crs, 'owasp-crs.load'))
  }
  for (const text of source.rules) patterns.push(...namedFiles(text, source.baseDir))
  const seen = new Set<string>()
  for (let pattern = patterns.pop(); pattern !== undefined; pattern = patterns.pop()) {
    if (seen.has(pattern)) continue
    seen.add(pattern)
    const folder = fixedFolder(pattern)
    if (!existsSync(folder)) continue
    folders.add(folder)
    for (const file of matching(pattern, folder)) patterns.push(...namedFiles(readText(file), folder))
  }
  return [...folders].sort()
}

/** The texts of the files that a source names itself; for a look before loading. */
export function textsOf(source: RuleSource): string[] {
  return source.rulesFiles.flatMap((file) => {
    const pattern = resolve(source.baseDir, file)
    return matching(pattern, fixedFolder(pattern)).map(readText)
  })
}

function namedFiles(text: string, folder: string): string[] {
  return [...text.matchAll(DATA_FILE), ...text.matchAll(INCLUDE)].map((match) => resolve(folder, match[1]!.trim()))
}

/** The folder of a pattern up to its first segment with a wildcard. */
function fixedFolder(pattern: string): string {
  let folder = dirname(pattern)
  while (GLOB.test(folder)) folder = dirname(folder)
  return folder
}

function matching(pattern: string, folder: string): string[] {
  if (!GLOB.test(pattern)) return isFile(pattern) ? [pattern] : []
  if (dirname(pattern) !== folder || !existsSync(folder)) return []
  const ending = basename(pattern).replace(/^.*[*?\]]/, '')
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
    .filter(isFile)
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

function readText(path: string): string {
  const { size } = statSync(path)
  return size > MAX_READ ? '' : readFileSync(path, 'latin1')
}

/** Sizes and times of everything in the folders, as one text that changes when any of them does. */
export function fingerprint(folders: readonly string[]): string {
  const lines: string[] = []
  for (const folder of folders) {
    lines.push(folder)
    for (const name of existsSync(folder) ? readdirSync(folder).sort() : []) {
      const found = statSync(join(folder, name), { throwIfNoEntry: false })
      if (found?.isFile() === true) lines.push(`${name} ${found.ino} ${found.size} ${found.mtimeMs}`)
    }
  }
  return lines.join('\n')
}
