import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ConfigIssue } from '@portcullis/core'
import type { BasicAuthConfig } from './config.ts'
import { hashProblem, nameProblem, parseHtpasswd } from './htpasswd.ts'

/** Mistakes in a block `auth/basic` that its schema cannot see. */
export function checkBasicAuth(config: BasicAuthConfig, baseDir: string): ConfigIssue[] {
  const { users = {}, htpasswd_path: file } = config
  const issues: ConfigIssue[] = []
  const names = Object.keys(users)
  if (names.length === 0 && file === undefined) {
    issues.push({ place: '', message: 'no user is stated: add "htpasswd_path" or "users"' })
  }
  for (const name of names) {
    const problem = nameProblem(name) ?? hashProblem(users[name]!)
    if (problem !== undefined) issues.push({ place: `.users[${JSON.stringify(name)}]`, message: problem })
  }
  if (file === undefined) return issues
  try {
    const listed = parseHtpasswd(readFileSync(resolve(baseDir, file), 'utf8'))
    for (const name of names) {
      if (listed.has(name)) {
        issues.push({ place: `.users[${JSON.stringify(name)}]`, message: 'stands in "htpasswd_path" too' })
      }
    }
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    issues.push({ place: '.htpasswd_path', message: missing ? 'does not exist' : (error as Error).message })
  }
  return issues
}
