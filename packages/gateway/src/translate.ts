import { type ConfigIssue, isCommentKey } from '@portcullis/core'
import { fromKrakend as ipFilterFromKrakend } from '@portcullis/ip-filter'
import { fromKrakend as limitsFromKrakend } from '@portcullis/request-limits'
import { RENAMED } from './krakend.ts'

type Bag = Record<string, unknown>

/**
 * Puts a KrakenD document into the present form: fields renamed between version 2 and 3, and blocks that stand
 * elsewhere here (`router.max_payload`, `plugin/http-server` with `ip-filter`). Nothing is judged, only moved; a
 * field that stands under both names is a mistake.
 */
export function translate(document: unknown): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  if (!isBag(document)) return issues
  moveBlocks(document, document, '', issues)
  for (const [i, endpoint] of list(document.endpoints)) {
    rename(endpoint, `endpoints[${i}]`, issues)
    moveBlocks(document, endpoint, `endpoints[${i}].`, issues)
    for (const [j, backend] of list(endpoint.backend)) {
      const place = `endpoints[${i}].backend[${j}]`
      rename(backend, place, issues)
      moveClientTls(backend, place, issues)
    }
  }
  return issues
}

function rename(holder: Bag, place: string, issues: ConfigIssue[]): void {
  for (const [old, present] of Object.entries(RENAMED)) {
    if (!Object.hasOwn(holder, old)) continue
    if (Object.hasOwn(holder, present))
      issues.push({ place: `${place}.${old}`, message: `is the old name of "${present}", which is stated too` })
    else holder[present] = holder[old]
    delete holder[old]
  }
}

/** `backend[].client_tls` is the same as `backend[].extra_config.client_tls`. */
function moveClientTls(backend: Bag, place: string, issues: ConfigIssue[]): void {
  if (!Object.hasOwn(backend, 'client_tls')) return
  moveInto(backend, 'client_tls', backend.client_tls, `${place}.client_tls`, issues)
  delete backend.client_tls
}

function moveBlocks(root: Bag, holder: Bag, prefix: string, issues: ConfigIssue[]): void {
  const extra = holder.extra_config
  if (!isBag(extra)) return
  for (const key of Object.keys(extra)) {
    const place = `${prefix}extra_config[${JSON.stringify(key)}]`
    if (ROUTER.has(key)) movePayloadLimit(holder, extra, key, place, issues)
    else if (PLUGINS.has(key)) movePlugin(root, holder, key, place, issues)
  }
}

const ROUTER = new Set([
  'router',
  'proxy',
  'github_com/luraproject/lura/router/gin',
  'github.com/luraproject/lura/router/gin',
  'github_com/devopsfaith/krakend/proxy',
  'github.com/devopsfaith/krakend/proxy',
])
const PLUGINS = new Set([
  'plugin/http-server',
  'plugin/req-resp-modifier',
  'github_com/devopsfaith/krakend/transport/http/server/handler',
  'github.com/devopsfaith/krakend/transport/http/server/handler',
  'github.com/devopsfaith/krakend/proxy/plugin',
])

/** `router.max_payload` and `proxy.max_payload` are `security/request-limits.max_body`; other fields stay and are refused. */
function movePayloadLimit(holder: Bag, extra: Bag, key: string, place: string, issues: ConfigIssue[]): void {
  const block = extra[key]
  if (!isBag(block)) return
  const { max_payload, decompress_gzip, ...rest } = block
  const { config, issues: found } = limitsFromKrakend(block)
  issues.push(...found.map((issue) => ({ place: place + issue.place, message: issue.message })))
  if (config === undefined && found.length === 0) return
  if (config !== undefined) moveInto(holder, 'security/request-limits', config, place, issues)
  if (Object.keys(rest).every(isCommentKey)) delete extra[key]
  else extra[key] = rest
}

/** `plugin/http-server` with `ip-filter` is `security/ip-filter`; its trusted proxies are the gateway's. */
function movePlugin(root: Bag, holder: Bag, key: string, place: string, issues: ConfigIssue[]): void {
  const extra = holder.extra_config as Bag
  const block = extra[key]
  if (!isBag(block) || !Object.hasOwn(block, 'ip-filter')) return
  const { config, trustedProxies, issues: found } = ipFilterFromKrakend(block)
  issues.push(...found.map((issue) => ({ place: place + issue.place, message: issue.message })))
  delete extra[key]
  if (config !== undefined) moveInto(holder, 'security/ip-filter', config, place, issues)
  if (trustedProxies.length > 0)
    root.trusted_proxies = [...((root.trusted_proxies as string[] | undefined) ?? []), ...trustedProxies]
}

function moveInto(holder: Bag, namespace: string, value: unknown, place: string, issues: ConfigIssue[]): void {
  const extra = isBag(holder.extra_config) ? holder.extra_config : {}
  holder.extra_config = extra
  if (Object.hasOwn(extra, namespace))
    issues.push({ place, message: `is the same as "${namespace}", which is stated too` })
  else extra[namespace] = value
}

function list(value: unknown): [number, Bag][] {
  return Array.isArray(value)
    ? value.flatMap((item, index): [number, Bag][] => (isBag(item) ? [[index, item]] : []))
    : []
}

function isBag(value: unknown): value is Bag {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
