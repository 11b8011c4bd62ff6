import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ConfigIssue, foldHeaderName, type Level } from '@portcullis/core'
import type { ApiKeysConfig } from './config.ts'
import { checkEntries, readKeysFile } from './key-index.ts'

const RESERVED = new Set(
  `accept authorization connection content-encoding content-length content-type cookie date expect forwarded host
  keep-alive origin proxy-authorization proxy-connection te trailer transfer-encoding upgrade user-agent via
  x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-proto x-real-ip`.split(/\s+/),
)
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Mistakes in a block `auth/api-keys` that its schema cannot see. */
export function checkApiKeys(config: ApiKeysConfig, level: Level, baseDir: string): ConfigIssue[] {
  return [...(level === 'service' ? checkKeys(config, baseDir) : []), ...checkNames(config)]
}

function checkKeys(config: ApiKeysConfig, baseDir: string): ConfigIssue[] {
  const { keys = [], keys_file: file, hash = 'plain', salt } = config
  const issues = checkEntries(keys, hash, '.keys')
  if (keys.length === 0 && file === undefined) {
    issues.push({ place: '', message: 'no key is stated: add "keys" or "keys_file"' })
  }
  if (salt !== undefined && hash === 'plain') {
    issues.push({ place: '.salt', message: 'has no meaning while "hash" is "plain"' })
  }
  if (file === undefined) return issues
  try {
    readKeysFile(readFileSync(resolve(baseDir, file), 'utf8'), hash)
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    issues.push({ place: '.keys_file', message: missing ? 'does not exist' : (error as Error).message })
  }
  return issues
}

function checkNames({ strategy = 'header', identifier, propagate_role: header }: ApiKeysConfig): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const name = identifier ?? 'authorization'
  if (strategy === 'header' && !HEADER_NAME.test(name)) {
    issues.push({ place: '.identifier', message: `${JSON.stringify(name)} is no header name` })
  }
  if (header === undefined) return issues
  const say = (message: string): void => void issues.push({ place: '.propagate_role', message })
  if (!HEADER_NAME.test(header)) say(`${JSON.stringify(header)} is no header name`)
  else if (RESERVED.has(foldHeaderName(header))) say(`the header "${header}" is reserved`)
  else if (strategy === 'header' && foldHeaderName(header) === foldHeaderName(name)) say('is the header with the key')
  return issues
}
