/** Reads the operator and transformation vectors, whose byte notation is mixed. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One vector as it stands in the file. */
export interface Vector {
  type: string
  name: string
  input: string
  param?: string
  output?: string
  ret: number
  [more: string]: unknown
}

/** Real characters become UTF-8 bytes, then `\xHH` and `\u00HH` in the text become bytes. */
export function bytes(text: string): string {
  const raw = Buffer.from(text, 'utf8').toString('latin1')
  return raw.replace(/\\x([0-9a-fA-F]{2})|\\u00([0-9a-fA-F]{2})/g, (_all, a?: string, b?: string) =>
    String.fromCharCode(Number.parseInt((a ?? b)!, 16)),
  )
}

/** All vectors of a folder by file name without ending. */
export function vectors(folder: string): [string, Vector[]][] {
  return readdirSync(folder)
    .filter((f) => f.endsWith('.json'))
    .sort()
    .map((f) => [f.slice(0, -5), JSON.parse(readFileSync(join(folder, f), 'utf8')) as Vector[]])
}
