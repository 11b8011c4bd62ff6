/** Loads rules: reads, checks and compiles them, or throws everything that is wrong with them. */

import { dirname, isAbsolute, resolve } from 'node:path'
import { BASE_RULES, type CrsOptions, crsDirectives } from './crs.ts'
import { builtinDetector, type InjectionDetector } from './detect/index.ts'
import { compileProgram } from './engine/compile.ts'
import { defaultConfig, type EngineMode } from './engine/config.ts'
import { DIALECTS } from './engine/dialect.ts'
import { LinkCompiler } from './engine/link.ts'
import { type EngineOptions, RuleSet } from './engine/ruleset.ts'
import { type Mistake, RuleMistake, SecLangError } from './errors.ts'
import { RuleFiles } from './files.ts'
import { GeoDatabase } from './geo/database.ts'
import { type FileAccess, type Program, ProgramReader } from './language/program.ts'
import { finish, pace, type Steps } from './steps.ts'
import { MemoryCollections } from './store/memory.ts'
import type { CollectionStore } from './store/types.ts'

/** Rules as text. */
export interface RuleText {
  /** Stands for the file in mistakes and matches. */
  name: string
  text: string
}

/** What to load, read in the order of the fields. */
export interface LoadOptions {
  /**
   * The base rules (body processors, errors in bodies); left out where the rules have one of theirs, as those do that
   * took ModSecurity's recommended file along. Default: with `crs`.
   */
  base?: boolean
  /** A Core Rule Set folder. */
  crs?: CrsOptions
  /** Rule files; paths may hold `*`, `?` and `[…]`. */
  files?: readonly string[]
  /** Rules as text; those without a name are called `<text>`, or `<text 1>` and so on. */
  text?: string | readonly (string | RuleText)[]
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
  /** How files are found and read: a {@link RuleFiles} knows afterwards which they were. Default: the disk. */
  access?: FileAccess
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
 * Loads rules at once.
 * @throws SecLangError with every mistake found, each with its file and line
 */
export function loadRules(options: LoadOptions): RuleSet {
  return finish(loading(options))
}

/**
 * Loads rules a few milliseconds at a time, so that nothing else has to wait: for a process that serves requests.
 * Files are read and patterns compiled in the same order as by {@link loadRules}.
 * @param signal ends it; the promise rejects with the signal's reason
 * @throws SecLangError with every mistake found, each with its file and line
 */
export function loadRulesAsync(options: LoadOptions, signal?: AbortSignal): Promise<RuleSet> {
  return pace(loading(options), signal)
}

function* loading(options: LoadOptions): Steps<RuleSet> {
  const baseDir = resolve(options.baseDir ?? '.')
  const access = options.access ?? new RuleFiles(baseDir)
  const engine: EngineOptions = { dialect: 'portcullis', recordAll: false, ...options.engine }
  const program = yield* reading(options, access, baseDir, engine)
  if (options.mode !== undefined) program.config.engine = options.mode
  const rules = new RuleSet(program.config, engine, options.collections ?? new MemoryCollections())
  const readerOf = operatorFiles(access, baseDir)
  const detector = options.detector ?? builtinDetector
  openGeo(program, access, baseDir)
  const { geo } = program.config
  const links = new LinkCompiler(rules, (file, multiline) => ({ readFile: readerOf(file), detector, geo, multiline }))
  yield* compileProgram(program, rules, links)
  if (program.mistakes.length > 0) throw new SecLangError(inOrder(program))
  yield
  rules.warmUp()
  yield
  rules.prepared()
  return rules
}

function* reading(
  options: LoadOptions,
  access: FileAccess,
  baseDir: string,
  { dialect }: EngineOptions,
): Steps<Program> {
  const { crs, text = [] } = options
  const reader = new ProgramReader(defaultConfig(), access, DIALECTS[dialect].backslashes)
  if (options.base ?? crs !== undefined) yield* reader.text(BASE_RULES, BASE)
  if (crs !== undefined) {
    yield* reader.text(crsDirectives({ ...crs, folder: resolve(baseDir, crs.folder) }, access), '<crs>')
  }
  for (const pattern of options.files ?? []) yield* reader.files(pattern, { file: '<files>', line: 1 }, false)
  const texts = typeof text === 'string' ? [text] : text
  for (const [i, one] of texts.entries()) {
    const name = texts.length === 1 ? '<text>' : `<text ${i + 1}>`
    if (typeof one === 'string') yield* reader.text(toBytes(one), name)
    else yield* reader.text(toBytes(one.text), one.name)
  }
  yield* reader.text(excludeDirectives(options.exclude ?? []), '<exclude>')
  dropBase(reader.program)
  return reader.program
}

/** Opens the file that SecGeoLookupDb names. */
function openGeo({ config, mistakes }: Program, access: FileAccess, baseDir: string): void {
  if (config.geoFile === undefined) return
  const { path, file, line } = config.geoFile
  const full = resolve(isAbsolute(file) ? dirname(file) : baseDir, path)
  try {
    config.geo = new GeoDatabase(access.bytes(full))
  } catch (error) {
    mistakes.push({ file, line, message: `SecGeoLookupDb: ${full}: ${(error as Error).message}` })
  }
}

/** As the reader comes upon them: file by file, line by line, whatever step has found them. */
function inOrder({ mistakes, sources }: Program): Mistake[] {
  const order = new Map([...sources].map((file, i) => [file, i]))
  const place = ({ file }: Mistake): number => order.get(file) ?? -1
  return mistakes.toSorted((a, b) => place(a) - place(b) || a.line - b.line)
}

const BASE = '<base>'

/** Rules that bring ModSecurity's recommended file along have the base rules already, as they want them. */
function dropBase({ items }: Program): void {
  const ids = { base: new Set<string>(), own: new Set<string>() }
  for (const item of items) {
    if (item.kind !== 'rule') continue
    const id = item.rule.actions.find(({ name }) => name === 'id')?.argument
    if (id != null) ids[item.rule.file === BASE ? 'base' : 'own'].add(id)
  }
  if (![...ids.base].some((id) => ids.own.has(id))) return
  const kept = items.filter((item) => item.kind !== 'rule' || item.rule.file !== BASE)
  items.splice(0, items.length, ...kept)
}

/** Rules in a JavaScript string may hold any character; the engine works on their UTF-8 bytes. */
function toBytes(text: string): string {
  return /[^\x00-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text
}
