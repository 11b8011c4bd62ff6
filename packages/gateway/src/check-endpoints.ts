import type { Block, Blocks, ConfigIssue, Level } from '@portcullis/core'
import { compileUrlPattern, routeUrl } from '@portcullis/proxy'
import type { BackendDocument, EndpointDocument, GatewayDocument } from './document.ts'

type ReadBlocks = (extraConfig: unknown, level: Level, place: string) => Blocks
type Read = (extraConfig: unknown, level: Level, place: string) => void

/** What is found at the endpoints: their mistakes, and the blocks of each one with those of its backend. */
export interface CheckedEndpoints {
  issues: ConfigIssue[]
  blocks: Block[][]
}

/** The mistakes of the endpoints that no schema sees: their blocks, their paths against each other, their backends. */
export function checkEndpoints(root: GatewayDocument, readBlocks: ReadBlocks): CheckedEndpoints {
  const issues: ConfigIssue[] = []
  const blocks: Block[][] = []
  const declared = new Map<string, string>()
  for (const [i, endpoint] of root.endpoints!.entries()) {
    const place = `endpoints[${i}]`
    const own: Block[] = []
    blocks.push(own)
    if (typeof endpoint !== 'object' || endpoint === null) continue
    const read = (extraConfig: unknown, level: Level, at: string): void => {
      const found = readBlocks(extraConfig, level, at)
      issues.push(...found.issues)
      own.push(...found.blocks.values())
    }
    read(endpoint.extra_config, 'endpoint', `${place}.extra_config`)
    if (typeof endpoint.endpoint !== 'string') continue
    issues.push(...checkPath(endpoint.endpoint, `${place}.endpoint`))
    checkTwins(endpoint, place, declared, issues)
    if (Array.isArray(endpoint.backend)) checkBackends(endpoint, root, place, read, issues)
  }
  return { issues, blocks }
}

function checkPath(path: string, place: string): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const star = path.indexOf('*')
  if (star !== -1 && !(star === path.length - 1 && path.endsWith('/*'))) {
    issues.push({ place, message: 'a * stands only at the end, after a slash: "/api/*"' })
  }
  const names = [...path.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1]!)
  for (const name of names) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      issues.push({ place, message: `"{${name}}" is not a parameter: letters, digits and _ only` })
  }
  if (new Set(names).size !== names.length) issues.push({ place, message: 'a parameter stands twice' })
  if (/[{}]/.test(path.replace(/\{[^{}]*\}/g, ''))) issues.push({ place, message: 'a brace is not closed' })
  if (/[?#\s\\]/.test(path)) issues.push({ place, message: 'a path has no query, fragment, space or backslash' })
  if (path.split('/').some((segment) => segment === '.' || segment === '..'))
    issues.push({ place, message: 'a path has no dot segments' })
  return issues
}

/** The methods of an endpoint; `*` is every method that a browser or an API client uses. */
export function methodsOf(endpoint: EndpointDocument): string[] {
  const { method = 'GET' } = endpoint
  if (method === '*') return ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
  return [method].flat()
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

function checkTwins(
  endpoint: EndpointDocument,
  place: string,
  declared: Map<string, string>,
  issues: ConfigIssue[],
): void {
  const hosts = endpoint.hosts ?? ['']
  for (const method of methodsOf(endpoint)) {
    if (!METHODS.has(method))
      issues.push({ place: `${place}.method`, message: `"${method}" is not proxied: ${[...METHODS].join(', ')} are` })
    for (const host of hosts) {
      const key = `${host} ${method} ${routeUrl(endpoint.endpoint).replace(/:[A-Za-z_]\w*/g, ':')}`
      const before = declared.get(key)
      if (before !== undefined)
        issues.push({ place, message: `${method} ${endpoint.endpoint} is declared by ${before} already` })
      else declared.set(key, place)
    }
  }
}

function checkBackends(
  endpoint: EndpointDocument,
  root: GatewayDocument,
  place: string,
  read: Read,
  issues: ConfigIssue[],
): void {
  if (endpoint.backend.length > 1) {
    issues.push({
      place: `${place}.backend`,
      message: 'expected one backend: merging several responses is a KrakenD feature that Portcullis does not run',
    })
  }
  const authenticates = [
    'auth/validator',
    'github.com/devopsfaith/krakend-jose/validator',
    'github_com/devopsfaith/krakend-jose/validator',
  ]
  const hasClaims = authenticates.some(
    (key) => endpoint.extra_config?.[key] !== undefined || root.extra_config?.[key] !== undefined,
  )
  endpoint.backend.forEach((backend, i) => {
    const at = `${place}.backend[${i}]`
    if (typeof backend !== 'object' || backend === null) return
    read(backend.extra_config, 'backend', `${at}.extra_config`)
    if (backend.host === undefined && root.host === undefined)
      issues.push({ place: at, message: 'field "host" is missing, and the root has none' })
    checkUrlPattern(endpoint, backend, at, hasClaims, issues)
  })
}

function checkUrlPattern(
  endpoint: EndpointDocument,
  backend: BackendDocument,
  place: string,
  hasClaims: boolean,
  issues: ConfigIssue[],
): void {
  const text = backend.url_pattern ?? endpoint.endpoint
  if (typeof text !== 'string') return
  const at = `${place}.url_pattern`
  const pattern = compileUrlPattern(text)
  for (const name of pattern.params) {
    if (!endpoint.endpoint.includes(`{${name}}`))
      issues.push({ place: at, message: `"{${name}}" is not a parameter of ${endpoint.endpoint}` })
  }
  const isPrefix = endpoint.endpoint.endsWith('/*')
  if (pattern.hasRest && !isPrefix) issues.push({ place: at, message: 'a * needs an endpoint that ends in /*' })
  if (isPrefix && !pattern.hasRest)
    issues.push({
      place: at,
      message: `needs a * for the rest of ${endpoint.endpoint}: without it every path would be the same`,
    })
  if (pattern.usesClaims && !hasClaims)
    issues.push({ place: at, message: '{JWT.…} needs auth/validator on this endpoint' })
  if (/[#\s\\]/.test(text)) issues.push({ place: at, message: 'a path has no fragment, space or backslash' })
}
