import { type ConfigIssue, size } from '@portcullis/core'
import type { RequestLimitsConfig } from './config.ts'

/** The limits in a KrakenD block `router` or `proxy`, in our words. */
export interface TranslatedLimits {
  /** The block for `security/request-limits`; undefined when there is none in it. */
  config: RequestLimitsConfig | undefined
  issues: ConfigIssue[]
}

/**
 * Translates `max_payload` (bytes or a size such as `"1M"`, 0 = no limit) and `decompress_gzip` of KrakenD's `router` and `proxy` blocks; their
 * other fields are not looked at. KrakenD measures the payload after decompression: so do we, and before it, too.
 */
export function fromKrakend(block: Readonly<Record<string, unknown>>): TranslatedLimits {
  const { max_payload: maxPayload, decompress_gzip: decompressGzip } = block
  const issues: ConfigIssue[] = []
  const config: RequestLimitsConfig = {}
  if (isSize(maxPayload)) config.max_body = maxPayload
  else if (maxPayload !== undefined) {
    issues.push({ place: '.max_payload', message: 'expected a size such as 1024, "8K" or "10M"' })
  }
  if (typeof decompressGzip === 'boolean') config.decompress_gzip = decompressGzip
  else if (decompressGzip !== undefined) {
    issues.push({ place: '.decompress_gzip', message: 'expected true or false' })
  }
  const isEmpty = Object.keys(config).length === 0 || issues.length > 0
  return { config: isEmpty ? undefined : config, issues }
}

function isSize(value: unknown): value is string | number {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0
  if (typeof value !== 'string') return false
  try {
    size(value)
    return true
  } catch {
    return false
  }
}
