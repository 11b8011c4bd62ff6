/** Loads rules: reads, checks and compiles them, or throws everything that is wrong with them. */

import { dirname, isAbsolute, resolve } from 'node:path'
import { type CrsOptions, crsDirectives } from './crs.ts'
import { builtinDetector, type InjectionDetector } from './detect/index.ts'
import { compileProgram } from './engine/compile.ts'
import { defaultConfig, type EngineMode } from './engine/config.ts'
import { DIALECTS } from './engine/dialect.ts'
import { LinkCompiler } from './engine/link.ts'
import { type EngineOptions, RuleSet } from './engine/ruleset.ts'
import { RuleMistake, SecLangError } from './errors.ts'
import { diskAccess } from './files.ts'
import { type FileAccess, ProgramReader } from './language/program.ts'
import { MemoryCollections } from './store/memory.ts'
import type { CollectionStore } from './store/types.ts'

/** What to load, read in the order of the fields. */
export interface LoadOptions {
  /** A Core Rule Set folder. */
  crs?: CrsOptions
  /** Rule files; paths may hold `*`, `?` and `[…]`. */
  files?: readonly string[]
  /** Rules as text. */
  text?: string | readonly string[]
  /** Folder that relative paths start from. Default: the working directory. */
  baseDir?: string
  /** Rules to leave out: ids, ranges of ids (`"942000-942999"`), or patterns for tags. */
  exclude?: readonly (number | string)[]
  /** Wins over SecRuleEngine. */
  mode?: EngineMode
  /** Decides on `@detectSQLi` and `@detectXSS`. Default: the built-in one. */
  detector?: InjectionDetector
  /** Where IP, SESSION and the other lasting collections are kept. Default: in memory. */
  collections?: CollectionStore
  /** Ways in which engines differ, and whether all matches are recorded. */
  engine?: Partial<EngineOptions>
}

/** Reads files below the folder of the rule that names them. */
function operatorFiles(access: FileAccess, baseDir: string): (file: string) => (path: string) => string {
  const cache = new Map<string, string>()
  return (file) => (path) => {
    const full = resolve(isAbsolute(file) ? dirname(file) : baseDir, path)
    let text = cache.get(full)
    if (text === undefined) {
      try {
        text = access.read(full)
      } catch (error) {
        throw new RuleMistake(`cannot read ${full}: ${(error as Error).message}`)
      }
      cache.set(full, text)
    }
    return text
  }
}

function excludeDirectives(exclude: readonly (number | string)[]): string {
  return exclude
    .map((entry) => {
      const text = String(entry).replaceAll('"', '')
      const by = /^\d+(?:\s*-\s*\d+)?$/.test(text) ? 'Id' : 'Tag'
      return `SecRuleRemoveBy${by} "${by === 'Id' ? text.replace(/\s/g, '') : text}"`
    })
    .join('\n')
}

/**
 * Loads rules.
 * @throws SecLangError with every mistake found, each with its file and line
 */
export function loadRules(options: LoadOptions): RuleSet {
  const baseDir = resolve(options.baseDir ?? '.')
  const access = diskAccess(baseDir)
  const engine: EngineOptions = { dialect: 'portcullis', recordAll: false, ...options.engine }
  const reader = new ProgramReader(defaultConfig(), access, DIALECTS[engine.dialect].backslashes)
  if (options.crs !== undefined) {
    reader.text(crsDirectives({ ...options.crs, folder: resolve(baseDir, options.crs.folder) }), '<crs>')
  }
  for (const pattern of options.files ?? []) reader.files(pattern, { file: '<files>', line: 1 }, false)
  const texts = typeof options.text === 'string' ? [options.text] : (options.text ?? [])
  for (const [i, text] of texts.entries()) reader.text(toBytes(text), texts.length === 1 ? '<text>' : `<text ${i + 1}>`)
  reader.text(excludeDirectives(options.exclude ?? []), '<exclude>')

  const { program } = reader
  if (options.mode !== undefined) program.config.engine = options.mode
  const rules = new RuleSet(program.config, engine, options.collections ?? new MemoryCollections())
  const readerOf = operatorFiles(access, baseDir)
  const detector = options.detector ?? builtinDetector
  const links = new LinkCompiler(rules, (file, multiline) => ({ readFile: readerOf(file), detector, multiline }))
  compileProgram(program, rules, links)
  if (program.mistakes.length > 0) throw new SecLangError(program.mistakes)
  rules.warmUp()
  return rules
}

/** Rules in a JavaScript string may hold any character; the engine works on their UTF-8 bytes. */
function toBytes(text: string): string {
  return /[^\x00-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text
}
