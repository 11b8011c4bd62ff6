/** Longest origin that is looked at: 253 characters of host, a scheme and a port. */
const MAX_ORIGIN = 300
const ENTRY = /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9._*-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}|\*))?$/
const LABEL = /^[a-z0-9_-]+$/
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443', ws: '80', wss: '443' }

interface Origin {
  scheme: string
  /** Lower case; an IPv6 address keeps its brackets. */
  host: string
  port: string | undefined
}

/** One label of a host pattern: a text, or a text with one `*` in it. */
interface LabelPattern {
  prefix: string
  /** Undefined: the label has no `*`, `prefix` is all of it. */
  suffix: string | undefined
}

interface OriginPattern {
  scheme: string
  labels: readonly LabelPattern[]
  /** `*` = any port, but there must be one. */
  port: string | undefined
}

/**
 * What is wrong with an entry of `allow_origins`, in words; undefined when nothing is.
 *
 * @param entry `*`, `null`, or scheme, host and port, with `*` for one host label (or a part of it) or the port.
 */
export function originProblem(entry: string): string | undefined {
  if (entry === '*' || entry === 'null') return undefined
  const text = entry.toLowerCase()
  if (!text.includes('://')) return 'an origin has a scheme: "https://app.example.com"'
  if (hasPath(text)) return undefined
  const match = ENTRY.exec(text)
  if (match === null) return 'expected scheme://host or scheme://host:port; "*" stands for one host label or the port'
  if (match[2]!.startsWith('[')) return undefined
  for (const label of match[2]!.split('.')) {
    if (label === '') return 'the host has an empty label'
    if (label.split('*').length > 2) return 'a host label holds at most one "*"'
  }
  return undefined
}

/** Does an entry hold a path or a trailing slash? No browser sends such an origin, so it never matches anything. */
export function hasPath(entry: string): boolean {
  return /^[^/]*:\/\/[^/]*\//.test(entry)
}

/** Which origins are allowed. Matching is linear in the origin's length for any list. */
export class OriginPolicy {
  /** Every origin is allowed. */
  readonly any: boolean
  readonly #exact = new Set<string>()
  readonly #patterns: OriginPattern[] = []

  /** @param entries checked by {@link originProblem}; an empty list allows any origin, as KrakenD has it. */
  constructor(entries: readonly string[]) {
    this.any = entries.length === 0 || entries.includes('*')
    for (const entry of entries) this.#add(entry.toLowerCase())
  }

  /** @param origin the request's `Origin`, as sent; schemes and hosts are compared without case. */
  allows(origin: string): boolean {
    if (this.any || this.#exact.has(origin)) return true
    if (origin.length > MAX_ORIGIN) return false
    const folded = origin.toLowerCase()
    if (this.#exact.has(folded)) return true
    if (this.#patterns.length === 0) return false
    const parsed = parseOrigin(folded)
    return parsed !== undefined && this.#patterns.some((pattern) => matches(pattern, parsed))
  }

  #add(entry: string): void {
    if (entry === '*' || hasPath(entry)) return
    if (!entry.includes('*')) {
      this.#exact.add(entry)
      const { scheme, host, port } = parseOrigin(entry) ?? { scheme: '', host: '', port: undefined }
      // Browsers leave the default port out, so an entry that states it means the same origin.
      if (port !== undefined && DEFAULT_PORTS[scheme] === port) this.#exact.add(`${scheme}://${host}`)
      return
    }
    const [, scheme, host, port] = ENTRY.exec(entry)!
    const isAddress = host!.startsWith('[')
    const labels = (isAddress ? [host!] : host!.split('.')).map((label) => {
      const [prefix, suffix] = label.split('*')
      return { prefix: prefix!, suffix }
    })
    const explicit = port !== undefined && DEFAULT_PORTS[scheme!] === port ? undefined : port
    this.#patterns.push({ scheme: scheme!, labels, port: explicit })
  }
}

function parseOrigin(text: string): Origin | undefined {
  const schemeEnd = text.indexOf('://')
  if (schemeEnd < 1) return undefined
  const rest = text.slice(schemeEnd + 3)
  const colon = rest.startsWith('[') ? rest.indexOf(':', rest.indexOf(']')) : rest.indexOf(':')
  const port = colon === -1 ? undefined : rest.slice(colon + 1)
  if (port !== undefined && !/^[0-9]{1,5}$/.test(port)) return undefined
  return { scheme: text.slice(0, schemeEnd), host: colon === -1 ? rest : rest.slice(0, colon), port }
}

function matches(pattern: OriginPattern, origin: Origin): boolean {
  if (pattern.scheme !== origin.scheme) return false
  if (pattern.port === '*' ? origin.port === undefined : pattern.port !== origin.port) return false
  if (origin.host.startsWith('[')) return pattern.labels.length === 1 && pattern.labels[0]!.prefix === origin.host
  const labels = origin.host.split('.')
  return labels.length === pattern.labels.length && labels.every((label, i) => matchesLabel(pattern.labels[i]!, label))
}

function matchesLabel({ prefix, suffix }: LabelPattern, label: string): boolean {
  if (suffix === undefined) return label === prefix
  if (label.length <= prefix.length + suffix.length) return false
  return label.startsWith(prefix) && label.endsWith(suffix) && LABEL.test(label)
}
