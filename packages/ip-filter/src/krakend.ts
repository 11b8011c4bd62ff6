import { type ConfigIssue, didYouMean, isCommentKey } from '@portcullis/core'
import type { IpFilterConfig } from './config.ts'

/** A block of KrakenD's `ip-filter` plugin in our words. */
export interface TranslatedFilter {
  /** The block for `security/ip-filter`; undefined when there is a mistake or no filter in it. */
  config: IpFilterConfig | undefined
  /** Its trusted proxies, which belong to the gateway's `trusted_proxies`. */
  trustedProxies: string[]
  /** Places are relative to the plugin's block: `["ip-filter"].CIDR`. */
  issues: ConfigIssue[]
}

const FIELDS = ['CIDR', 'allow', 'client_ip_headers', 'trusted_proxies', 'trusted_ip_headers']
/** The fields of `security/ip-filter` that KrakenD's block has not, or has in another sense (`allow`). */
const OURS = ['deny', 'allow_file', 'deny_file']
const AT = '["ip-filter"]'

/**
 * Translates the block `plugin/http-server` (or `plugin/req-resp-modifier`) of a KrakenD configuration, as far as it
 * is the ip-filter: `{ "name": ["ip-filter"], "ip-filter": { "CIDR": [], "allow": true } }`.
 *
 * A block without `CIDR` that has the fields of `security/ip-filter` (lists `allow` and `deny`, files) is one already.
 *
 * One difference is deliberate: an address that cannot be read is refused, also by a deny list.
 *
 * @param value the block as it stands in the file.
 */
export function fromKrakend(value: unknown): TranslatedFilter {
  const result: TranslatedFilter = { config: undefined, trustedProxies: [], issues: [] }
  if (!isObject(value)) {
    result.issues.push({ place: '', message: 'expected an object with the fields "name" and "ip-filter"' })
    return result
  }
  checkPlugins(value, result.issues)
  const filter = value['ip-filter']
  if (filter === undefined) return result
  if (!isObject(filter)) {
    result.issues.push({ place: AT, message: 'expected an object' })
    return result
  }
  if (isOurs(filter)) result.config = filter
  else translate(filter, result)
  if (result.issues.length > 0) result.config = undefined
  return result
}

/** Every plugin that is named, or configured, must be one that runs. */
function checkPlugins(value: Record<string, unknown>, issues: ConfigIssue[]): void {
  const names = value['name']
  if (!isTexts(names)) {
    issues.push({ place: '.name', message: 'expected a list of plugin names' })
    return
  }
  for (const [index, name] of names.entries()) {
    if (name === 'ip-filter') continue
    const place = `.name[${index}]`
    issues.push({ place, message: `${JSON.stringify(name)} is a KrakenD plugin that Portcullis does not run` })
  }
  if (names.includes('ip-filter') && value['ip-filter'] === undefined) {
    issues.push({ place: '', message: 'field "ip-filter" is missing' })
  }
  for (const key of Object.keys(value)) {
    if (key === 'name' || isCommentKey(key)) continue
    if (key !== 'ip-filter') issues.push({ place: `[${JSON.stringify(key)}]`, message: 'unknown field' })
    else if (!names.includes(key)) {
      issues.push({ place: AT, message: '"ip-filter" is not among the names: the filter would be off' })
    }
  }
}

/** Its fields are judged as those of any other block of `security/ip-filter`. */
function isOurs(filter: Record<string, unknown>): boolean {
  if (filter['CIDR'] !== undefined) return false
  return Array.isArray(filter['allow']) || OURS.some((field) => filter[field] !== undefined)
}

function translate(filter: Record<string, unknown>, result: TranslatedFilter): void {
  const { issues } = result
  for (const key of Object.keys(filter)) {
    if (FIELDS.includes(key) || isCommentKey(key)) continue
    issues.push({ place: `${AT}.${key}`, message: `unknown field${didYouMean(key, FIELDS)}` })
  }
  const { CIDR: entries, allow = false } = filter
  if (!isTexts(entries)) issues.push({ place: `${AT}.CIDR`, message: 'expected a list of addresses and CIDR ranges' })
  else result.config = allow === true ? { allow: entries } : { deny: entries }
  if (typeof allow !== 'boolean') issues.push({ place: `${AT}.allow`, message: 'expected true or false' })
  const proxies = filter['trusted_proxies'] ?? []
  if (isTexts(proxies)) result.trustedProxies = proxies
  else issues.push({ place: `${AT}.trusted_proxies`, message: 'expected a list of addresses and CIDR ranges' })
  checkHeaders(filter, issues)
}

/** The client's address comes from the trusted proxies' X-Forwarded-For and from nowhere else. */
function checkHeaders(filter: Record<string, unknown>, issues: ConfigIssue[]): void {
  for (const field of ['client_ip_headers', 'trusted_ip_headers']) {
    const names = filter[field] ?? []
    const place = `${AT}.${field}`
    if (!isTexts(names)) {
      issues.push({ place, message: 'expected a list of header names' })
      continue
    }
    for (const [index, name] of names.entries()) {
      if (name.toLowerCase() === 'x-forwarded-for') continue
      issues.push({
        place: `${place}[${index}]`,
        message: `the client address is taken from X-Forwarded-For of "trusted_proxies" only, not from ${JSON.stringify(name)}`,
      })
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
}
