import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A line of our own format, as far as the tests read it. */
export interface Line {
  time: string
  outcome: string
  request: Record<string, unknown>
  client: Record<string, unknown>
  response: Record<string, unknown>
  latency: Record<string, number>
  decisions: { component: string; code: string; mode: string; detail?: unknown }[]
  decision?: { component: string; code: string; mode: string }
  [field: string]: unknown
}

/** A folder for one test; `remove()` takes it away. */
export function makeFolder(): { path: string; file: (name: string) => string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'audit-log-'))
  return {
    path,
    file: (name) => join(path, name),
    remove: () => rmSync(path, { recursive: true, force: true }),
  }
}

/** Every line of a file; fails for a line that is not JSON or does not end. */
export function readLines(file: string): Line[] {
  const text = readFileSync(file, 'utf8')
  if (text === '') return []
  if (!text.endsWith('\n')) throw new Error(`${file} ends in the middle of a line`)
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
}

/** Every line of a file and of those that were put aside. */
export function readAll(folder: string, name: string): Line[] {
  return readdirSync(folder)
    .filter((found) => found.startsWith(name))
    .flatMap((found) => readLines(join(folder, found)))
}

/** Waits until something holds. */
export async function until(holds: () => boolean, what: string, longest = 5000): Promise<void> {
  const end = Date.now() + longest
  while (!holds()) {
    if (Date.now() > end) throw new Error(`still not: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
