/** Finds the data beside the repository; tests that need it are skipped with a notice when it is not there. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../../shared/', import.meta.url))

/** Path of something in the shared folder, or undefined (with a notice) when it is absent. */
export function shared(path: string): string | undefined {
  const full = root + path
  if (existsSync(full)) return full
  console.warn(`skipped: ../shared/${path} is not there`)
  return undefined
}
