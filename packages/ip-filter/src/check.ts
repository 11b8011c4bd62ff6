import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { ConfigIssue } from '@portcullis/core'
import { MAX_FILE_BYTES } from './address-list.ts'
import type { IpFilterConfig } from './config.ts'
import { entryMistake, parseEntries } from './entries.ts'

/** Most wrong lines of one file that are told; the rest is counted. */
const MAX_LINES = 20

/** The mistakes of a block that its schema cannot see: wrong entries, by index, and files that cannot be used. */
export function checkIpFilter(config: IpFilterConfig, context: { baseDir: string }): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  for (const field of ['allow', 'deny'] as const) {
    for (const [index, entry] of (config[field] ?? []).entries()) {
      const message = entryMistake(entry)
      if (message !== undefined) issues.push({ place: `.${field}[${index}]`, message })
    }
  }
  for (const field of ['allow_file', 'deny_file'] as const) {
    const file = config[field]
    if (file !== undefined) issues.push(...checkFile(resolve(context.baseDir, file), `.${field}`))
  }
  if (config.allow?.length === 0 && config.allow_file === undefined) {
    issues.push({ place: '.allow', message: 'an empty list would allow nobody: leave it out to allow everybody' })
  } else if (isEmpty(config)) {
    issues.push({ place: '.deny', message: 'the list is empty: nobody would be refused' })
  }
  return issues
}

function isEmpty(config: IpFilterConfig): boolean {
  const { allow, allow_file, deny, deny_file } = config
  return allow === undefined && allow_file === undefined && deny_file === undefined && deny?.length === 0
}

function checkFile(path: string, place: string): ConfigIssue[] {
  let text: string
  try {
    if (statSync(path).size > MAX_FILE_BYTES) {
      return [{ place, message: `the file is larger than ${MAX_FILE_BYTES} bytes` }]
    }
    text = readFileSync(path, 'utf8')
  } catch (error) {
    return [{ place, message: `cannot be read: ${(error as Error).message}` }]
  }
  const { mistakes } = parseEntries(text)
  const issues = mistakes.slice(0, MAX_LINES).map((message) => ({ place, message }))
  if (mistakes.length > MAX_LINES) issues.push({ place, message: `${mistakes.length - MAX_LINES} more wrong lines` })
  return issues
}
