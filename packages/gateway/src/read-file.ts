import { readFileSync } from 'node:fs'
import { dirname, extname, resolve } from 'node:path'
import { ConfigurationError } from '@portcullis/core'
import { LineCounter, parseDocument } from 'yaml'

/** A document as it was read, and the folder that its relative file names start from. */
export interface ReadDocument {
  document: unknown
  baseDir: string
  /** For messages. */
  source: string
}

/**
 * Reads a configuration file: JSON, or YAML for `.yaml` and `.yml`. A key that stands twice is a mistake: the first
 * of the two would be ignored without a word.
 *
 * @throws ConfigurationError when the file cannot be read or parsed; the message has line and column.
 */
export function readFile(path: string): ReadDocument {
  const file = resolve(path)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigurationError([{ place: '', message: `cannot be read: ${(error as Error).message}` }], path)
  }
  const isYaml = ['.yaml', '.yml'].includes(extname(file).toLowerCase())
  return { document: parse(text, isYaml, path), baseDir: dirname(file), source: path }
}

function parse(text: string, isYaml: boolean, source: string): unknown {
  const lines = new LineCounter()
  // JSON is read as YAML too: unlike JSON.parse it sees keys that stand twice and knows where mistakes are.
  const parsed = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    schema: isYaml ? 'core' : 'json',
    prettyErrors: false,
  })
  const issues = parsed.errors
    .filter((error) => isYaml || error.code === 'DUPLICATE_KEY')
    .map((error) => ({ place: placeOf(lines, error.pos[0]), message: error.message }))
  let document: unknown
  if (isYaml) document = issues.length === 0 ? parsed.toJS({ maxAliasCount: 100 }) : undefined
  else {
    try {
      document = JSON.parse(text)
    } catch (error) {
      const at = parsed.errors[0]?.pos[0]
      issues.unshift({
        place: at === undefined ? '' : placeOf(lines, at),
        message: `is not JSON: ${(error as Error).message}`,
      })
    }
  }
  if (issues.length > 0) throw new ConfigurationError(issues, source)
  return document
}

function placeOf(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `line ${line}, column ${col}`
}
