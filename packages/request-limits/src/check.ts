import { type ConfigIssue, type Level, size } from '@portcullis/core'
import { CONNECTION_FIELDS, type RequestLimitsConfig } from './config.ts'

/** The parser holds the head in memory. */
const MAX_HEAD = 64 * 1024 * 1024

/** The mistakes of a block that its schema cannot see. */
export function checkConfig(config: RequestLimitsConfig, context: { level: Level }): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  if (context.level !== 'service') {
    for (const field of CONNECTION_FIELDS) {
      if (config[field] === undefined) continue
      const message = 'belongs to the service: it holds for connections, before a route is known'
      issues.push({ place: `.${field}`, message })
    }
  }
  const neverUnzipped = config.decompress_gzip === false || (context.level === 'service' && !config.decompress_gzip)
  if (config.max_decompressed_body !== undefined && neverUnzipped) {
    issues.push({ place: '.max_decompressed_body', message: 'has no effect without "decompress_gzip": true' })
  }
  for (const field of ['max_url', 'max_header_size'] as const) {
    if ((size(config[field]) ?? 0) > MAX_HEAD) issues.push({ place: `.${field}`, message: 'expected at most 64M' })
  }
  return issues
}
