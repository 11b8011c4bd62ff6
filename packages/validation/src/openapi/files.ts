import { readFileSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import type { ConfigIssue } from '@portcullis/core'
import { parse } from 'yaml'

/** A document as it was read: JSON and YAML make the same objects. */
export type Document = Readonly<Record<string, unknown>>

const MOST_FILES = 500

/**
 * Looks at a document and every file that it refers to, before anything else reads them: what cannot be read, what is no
 * OpenAPI 3.0 or 3.1, and references that would be fetched from elsewhere.
 *
 * @param spec a file name, relative to `baseDir`, or the document.
 */
export function inspectSpec(spec: string | Document, baseDir: string): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const file = typeof spec === 'string' ? (isAbsolute(spec) ? spec : resolve(baseDir, spec)) : undefined
  const root = file === undefined ? spec : readDocument(file, '.spec', issues)
  if (!isObject(root)) return issues.length > 0 ? issues : [{ place: '.spec', message: 'is no OpenAPI document' }]
  issues.push(...versionIssues(root))
  const seen = new Set<string>(file === undefined ? [] : [file])
  const open: { node: unknown; file: string | undefined }[] = [{ node: root, file }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const reference of references(next.node)) {
      const name = reference.split('#', 1)[0]!
      if (name === '') continue
      const target = localFile(name, next.file)
      if (target === undefined) {
        issues.push({ place: '.spec', message: `refers to ${JSON.stringify(reference)}; nothing is fetched` })
      } else if (!seen.has(target) && seen.size < MOST_FILES) {
        seen.add(target)
        open.push({ node: readDocument(target, '.spec', issues), file: target })
      }
    }
  }
  return issues
}

/** The file that a reference names; undefined when it is an address, or stands in a document without a file. */
function localFile(name: string, from: string | undefined): string | undefined {
  if (from === undefined || /^[A-Za-z][\w+.-]+:|^[/\\]{2}/.test(name)) return undefined
  return resolve(dirname(from), decodeName(name))
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

function readDocument(file: string, place: string, issues: ConfigIssue[]): unknown {
  try {
    const text = readFileSync(file, 'utf8')
    return file.endsWith('.json') ? JSON.parse(text) : parse(text)
  } catch (error) {
    const { code, errno, message } = error as NodeJS.ErrnoException
    const what = code === 'ENOENT' ? 'there is no file' : errno === undefined ? 'cannot parse' : 'cannot read'
    const why = errno === undefined ? `: ${message.split('\n', 1)[0]}` : ''
    issues.push({ place, message: `${what} ${JSON.stringify(file)}${why}` })
    return undefined
  }
}

function versionIssues(root: Document): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const { openapi } = root
  if (typeof openapi !== 'string' || !/^3\.[01](?:\.|$)/.test(openapi)) {
    const found = root.swagger !== undefined ? 'a Swagger 2 document' : JSON.stringify(openapi ?? 'no version')
    issues.push({ place: '.spec', message: `expected OpenAPI 3.0 or 3.1, got ${found}` })
  }
  const dialect = root.jsonSchemaDialect
  if (dialect !== undefined && !/2020-12|spec\.openapis\.org\/oas\/3\.1/.test(String(dialect))) {
    issues.push({ place: '.spec', message: 'jsonSchemaDialect is not understood: 2020-12 is' })
  }
  if (!isObject(root.paths)) issues.push({ place: '.spec', message: 'has no paths' })
  return issues
}

function references(root: unknown): string[] {
  const found: string[] = []
  const open: unknown[] = [root]
  const seen = new Set<unknown>()
  for (let node = open.pop(); open.length > 0 || node !== undefined; node = open.pop()) {
    if (typeof node !== 'object' || node === null || seen.has(node)) continue
    seen.add(node)
    const reference = (node as Document).$ref
    if (typeof reference === 'string') found.push(reference)
    open.push(...Object.values(node))
  }
  return found
}

/** Is it a plain object? */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
