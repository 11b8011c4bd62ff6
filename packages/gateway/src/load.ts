import {
  type Block,
  type Blocks,
  type Component,
  ComponentIndex,
  type ConfigIssue,
  ConfigurationError,
  checkRedis,
  checkSchema,
  IpSet,
  type JSONSchema,
  type Level,
  type RedisConfig,
  readBlocks,
  redisSchema,
  type Store,
} from '@portcullis/core'
import { checkTls, tlsSchema } from '@portcullis/tls'
import { checkEndpoints } from './check-endpoints.ts'
import type { GatewayDocument } from './document.ts'
import { documentSchema } from './document-schema.ts'
import { convertFilled, substitute } from './environment.ts'
import { krakendField, unknownNamespace } from './krakend.ts'
import { components } from './pipeline.ts'
import { readFile } from './read-file.ts'
import { translate } from './translate.ts'

/** How a configuration is loaded. */
export interface LoadOptions {
  /** `ignore` turns KrakenD namespaces and fields that Portcullis does not run into warnings. Default `error`. */
  unsupported?: 'error' | 'ignore'
  /** Where `${ENV}` is read from. Default `process.env`. */
  environment?: NodeJS.ProcessEnv
  /** Where relative file names start from, for a document given as an object. Default the working directory. */
  baseDir?: string
  /** A store for `policy: "redis"` that the app made itself; otherwise the root's `redis` must say where it is. */
  redisStore?: Store
}

/** A configuration that passed every check. */
export interface LoadedConfig {
  document: GatewayDocument
  /** The service's blocks, by component. */
  blocks: ReadonlyMap<string, Block>
  /** The blocks of each endpoint and of its backend. */
  endpointBlocks: readonly (readonly Block[])[]
  baseDir: string
  source: string
  warnings: readonly ConfigIssue[]
}

/**
 * Loads a configuration: reads, fills in `${ENV}`, translates old spellings, and checks everything.
 *
 * @param config a document, or the path of one (JSON or YAML).
 * @throws ConfigurationError that lists every mistake, each with its place and the nearest right name.
 */
export function loadConfig(config: string | GatewayDocument, options: LoadOptions = {}): LoadedConfig {
  const read =
    typeof config === 'string'
      ? readFile(config)
      : { document: config as unknown, baseDir: options.baseDir ?? process.cwd(), source: 'configuration' }
  const substituted = substitute(read.document, options.environment ?? process.env)
  const issues = [...substituted.issues, ...translate(substituted.document)]
  const warnings: ConfigIssue[] = []
  let checked = check(substituted.document, read.baseDir)
  // A number or a boolean that came out of a variable is text until a check says what was expected.
  while (convertFilled(checked.issues, substituted.filled)) checked = check(substituted.document, read.baseDir)
  checked.issues.push(...checkStores(substituted.document, checked, options))
  for (const issue of checked.issues)
    (options.unsupported === 'ignore' && isUnsupported(issue) ? warnings : issues).push(explain(issue))
  if (issues.length > 0) throw new ConfigurationError(sorted(issues), read.source)
  if (warnings.length > 0) removeUnsupported(substituted.document as Record<string, unknown>, warnings)
  return {
    document: substituted.document as GatewayDocument,
    blocks: checked.blocks,
    endpointBlocks: checked.endpointBlocks,
    baseDir: read.baseDir,
    source: read.source,
    warnings,
  }
}

interface Checked {
  issues: ConfigIssue[]
  blocks: Map<string, Block>
  endpointBlocks: Block[][]
}

function check(document: unknown, baseDir: string): Checked {
  const issues = checkSchema(documentSchema, document, { place: '' }).map(withoutLeadingDot)
  const blocks = new Map<string, Block>()
  const endpointBlocks: Block[][] = []
  if (typeof document !== 'object' || document === null) return { issues, blocks, endpointBlocks }
  const root = document as GatewayDocument
  const service = blocksAt(root.extra_config, 'service', 'extra_config', baseDir)
  issues.push(...service.issues)
  for (const [name, block] of service.blocks) blocks.set(name, block)
  issues.push(...checkRoot(root, baseDir))
  if (Array.isArray(root.endpoints)) {
    const found = checkEndpoints(root, (extra, level, place) => blocksAt(extra, level, place, baseDir))
    issues.push(...found.issues)
    endpointBlocks.push(...found.blocks)
  }
  return { issues, blocks, endpointBlocks }
}

function blocksAt(extraConfig: unknown, level: Level, place: string, baseDir: string): Blocks {
  return readBlocks(extraConfig, index, {
    level,
    place,
    baseDir,
    unknownNamespace: (key) => unknownNamespace(key, index.names).message,
  })
}

const index = new ComponentIndex(components as readonly Component[])

function checkRoot(root: GatewayDocument, baseDir: string): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const block = (value: unknown, schema: JSONSchema, place: string): boolean => {
    if (typeof value !== 'object' || value === null) return false
    const found = checkSchema(schema, value, { place })
    issues.push(...found)
    return found.length === 0
  }
  if (block(root.tls, tlsSchema, 'tls'))
    issues.push(...checkTls(root.tls!, baseDir).map((issue) => ({ ...issue, place: `tls${issue.place}` })))
  if (block(root.redis, redisSchema, 'redis')) {
    const found = checkRedis(root.redis as RedisConfig, { baseDir })
    issues.push(...found.map((issue) => ({ ...issue, place: `redis${issue.place}` })))
  }
  if (root.client_tls !== undefined) {
    const found = blocksAt({ client_tls: root.client_tls }, 'backend', '', baseDir).issues
    issues.push(...found.map((issue) => ({ ...issue, place: issue.place.replace(/^\["client_tls"\]/, 'client_tls') })))
  }
  issues.push(...checkTrustedProxies(root.trusted_proxies))
  return issues
}

/** Who counts in Redis must be told where it is. */
function checkStores(document: unknown, { blocks, endpointBlocks }: Checked, options: LoadOptions): ConfigIssue[] {
  if (options.redisStore !== undefined || (document as GatewayDocument | null)?.redis !== undefined) return []
  return [...blocks.values(), ...endpointBlocks.flat()]
    .filter(({ config }) => {
      const { policy, redis } = (config ?? {}) as { policy?: string; redis?: unknown }
      return policy === 'redis' && redis === undefined
    })
    .map(({ place }) => ({
      place: `${place}.policy`,
      message: '"redis" needs the connection: the root’s field "redis"',
    }))
}

function checkTrustedProxies(entries: unknown): ConfigIssue[] {
  if (!Array.isArray(entries)) return []
  return entries.flatMap((entry, i): ConfigIssue[] => {
    if (typeof entry !== 'string' || ['loopback', 'linklocal', 'uniquelocal'].includes(entry)) return []
    try {
      new IpSet([entry])
      return []
    } catch (error) {
      return [{ place: `trusted_proxies[${i}]`, message: (error as Error).message }]
    }
  })
}

function withoutLeadingDot(issue: ConfigIssue): ConfigIssue {
  return { ...issue, place: issue.place.replace(/^\./, '') }
}

function isUnsupported(issue: ConfigIssue): boolean {
  return (
    issue.message.includes('is a KrakenD namespace that Portcullis does not run') || krakendField(issue) !== undefined
  )
}

/** An unknown field that KrakenD has is told apart from a misspelt one. */
function explain(issue: ConfigIssue): ConfigIssue {
  const field = krakendField(issue)
  return field === undefined
    ? issue
    : { ...issue, message: `"${field}" is a KrakenD field that Portcullis does not run` }
}

/** In the order of the document: root, then endpoints by number. */
function sorted(issues: readonly ConfigIssue[]): ConfigIssue[] {
  const unique = [...new Map(issues.map((issue) => [`${issue.place} ${issue.message}`, issue])).values()]
  return unique.sort(
    (a, b) =>
      Number(a.place.startsWith('endpoints')) - Number(b.place.startsWith('endpoints')) ||
      compareNumbers(a.place, b.place),
  )
}

function compareNumbers(a: string, b: string): number {
  return a.startsWith('endpoints') && b.startsWith('endpoints') ? a.localeCompare(b, 'en', { numeric: true }) : 0
}

/** What `unsupported: "ignore"` lets pass must not reach the components. */
function removeUnsupported(document: Record<string, unknown>, warnings: readonly ConfigIssue[]): void {
  for (const { place } of warnings) {
    const steps = [...place.matchAll(/\["([^"]+)"\]|\[([0-9]+)\]|([A-Za-z_$][\w$]*)/g)].map(
      (match) => match[1] ?? match[2] ?? match[3]!,
    )
    let holder: unknown = document
    for (const step of steps.slice(0, -1)) holder = (holder as Record<string, unknown> | undefined)?.[step]
    if (typeof holder === 'object' && holder !== null) delete (holder as Record<string, unknown>)[steps.at(-1)!]
  }
}
