import { type BoundInstance, enginesOf, isCommentKey, type JSONSchema, seenRoutes } from '@portcullis/core'
import type { FastifyInstance } from 'fastify'

/** One block in the plan of a route. */
interface PlanStep {
  component: string
  level: string
  place: string
  mode: 'enforce' | 'monitor'
  settings: unknown
}

/** The effective plan of one route: what stands around it, in order. */
interface RoutePlan {
  methods: readonly string[]
  url: string
  steps: readonly number[]
}

/** Every plan; steps are told once and named by their index, since most routes share them. */
export interface PlanView {
  steps: readonly PlanStep[]
  routes: readonly RoutePlan[]
}

/** Names of settings whose values are not shown. */
const SECRET =
  /token|secret|passw|credential|salt|^(?:key|keys|users|headers|authorization|redis|url_pattern_key)$|private|_key$|^key_/i
/** Settings that look like secrets and are none. */
const PLAIN = new Set([
  'strip_token',
  'hide_credentials',
  'roles_key',
  'roles_key_is_nested',
  'scopes_key',
  'public_key',
  'cookie_key',
  'key_claim_name',
  'key_identify_strategy',
  'allow_credentials',
  'max_tokens',
  'ticket_keys_file',
  'token_url',
  'secret_is_base64',
])
/** What stands in place of a secret. */
const HIDDEN = '••••••'
/** Longest text and list that are shown whole. */
const LONG_TEXT = 300
const LONG_LIST = 50

/** The plans of every route of the tree, as the engines compiled them. */
export function planView(fastify: FastifyInstance): PlanView {
  const steps: PlanStep[] = []
  const index = new Map<BoundInstance, number>()
  const routes: RoutePlan[] = []
  const indexOf = (bound: BoundInstance): number => {
    let found = index.get(bound)
    if (found === undefined) {
      found = steps.push(stepOf(bound)) - 1
      index.set(bound, found)
    }
    return found
  }
  const twins = preflightTwins(fastify)
  const exempt = new Set(
    seenRoutes(fastify)
      .filter(({ config }) => config?.portcullisExempt === true)
      .map(({ url }) => url),
  )
  for (const engine of enginesOf(fastify)) {
    for (const { methods, url, plan } of engine.routePlans) {
      if (methods.length === 1 && methods[0] === 'OPTIONS' && takeOne(twins, url)) continue
      const instances = exempt.has(url) ? plan.instances.filter(standsAroundOwn) : plan.instances
      routes.push({ methods, url, steps: instances.map(indexOf) })
    }
  }
  return { steps, routes: merged(routes) }
}

/** What the engine leaves of a plan around the gateway's own routes: observers, and what acts on responses. */
function standsAroundOwn({ component, instance }: BoundInstance): boolean {
  return component.refuses === false || instance.steps.some(({ phase }) => phase === 'onSend' || phase === 'onResponse')
}

/** How many OPTIONS routes CORS added for the preflights of each URL: they are nobody's routes. */
function preflightTwins(fastify: FastifyInstance): Map<string, number> {
  const twins = new Map<string, number>()
  for (const { url, constraints } of seenRoutes(fastify)) {
    if ((constraints as Record<string, unknown> | undefined)?.['portcullisPreflight'] === undefined) continue
    twins.set(url, (twins.get(url) ?? 0) + 1)
  }
  return twins
}

function takeOne(counts: Map<string, number>, key: string): boolean {
  const left = counts.get(key) ?? 0
  if (left > 0) counts.set(key, left - 1)
  return left > 0
}

/** Routes of one URL and plan (a HEAD twin) are one line. */
function merged(routes: readonly RoutePlan[]): RoutePlan[] {
  const byKey = new Map<string, RoutePlan>()
  for (const route of routes) {
    const key = `${route.url} ${route.steps.join(',')}`
    const before = byKey.get(key)
    byKey.set(
      key,
      before === undefined ? route : { ...route, methods: [...new Set([...before.methods, ...route.methods])] },
    )
  }
  return [...byKey.values()]
}

function stepOf({ component, level, place, monitor, config }: BoundInstance): PlanStep {
  const schema = typeof component.schema === 'function' ? component.schema(level) : component.schema
  const settings = shown(config, schema, 0)
  return { component: component.name, level, place, mode: monitor ? 'monitor' : 'enforce', settings }
}

/** A setting as it may be shown: without what its schema or its name calls a secret. */
function shown(value: unknown, schema: JSONSchema | undefined, depth: number): unknown {
  if (schema?.['writeOnly'] === true) return HIDDEN
  if (typeof value === 'string') {
    const text = value.replace(/(\/\/)[^/@\s]*@/g, `$1${HIDDEN}@`)
    return text.length > LONG_TEXT ? `${text.slice(0, LONG_TEXT)}…` : text
  }
  if (typeof value === 'function') return '(a function)'
  if (typeof value !== 'object' || value === null) return value
  if (depth > 6) return '…'
  if (Array.isArray(value)) {
    const items = value
      .slice(0, LONG_LIST)
      .map((item) => shown(item, schema?.['items'] as JSONSchema | undefined, depth + 1))
    return value.length > LONG_LIST ? [...items, `… ${value.length - LONG_LIST} more`] : items
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return '(an object)'
  const properties = (schema?.['properties'] ?? {}) as Record<string, JSONSchema>
  const entries = Object.entries(value).filter(([name]) => !isCommentKey(name))
  return Object.fromEntries(
    entries.map(([name, inner]) => [name, isSecret(name, inner) ? HIDDEN : shown(inner, properties[name], depth + 1)]),
  )
}

function isSecret(name: string, value: unknown): boolean {
  return SECRET.test(name) && !PLAIN.has(name) && typeof value !== 'boolean' && typeof value !== 'number'
}
