import type { FastifyReply } from 'fastify'

/**
 * How long a shared cache may keep a response, in milliseconds (RFC 9111), 0 when not at all.
 *
 * @param longest the configured life.
 * @param variations request headers that are part of the key.
 */
export function lifetime(reply: FastifyReply, longest: number, variations: ReadonlySet<string>): number {
  if (reply.statusCode !== 200 || reply.hasHeader('set-cookie')) return 0
  if (reply.hasHeader('content-encoding') || reply.hasHeader('content-range')) return 0
  if (!isJson(text(reply, 'content-type'))) return 0
  const vary = text(reply, 'vary')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (vary.some((name) => !variations.has(name))) return 0
  const control = directives(text(reply, 'cache-control'))
  if (control.has('no-store') || control.has('no-cache') || control.has('private')) return 0
  if (control.size === 0 && /no-cache/i.test(text(reply, 'pragma'))) return 0
  const stated = control.get('s-maxage') ?? control.get('max-age')
  const age = seconds(text(reply, 'age')) ?? 0
  if (stated !== undefined) return Math.min(longest, Math.max(0, (seconds(stated) ?? 0) - age) * 1000)
  const expires = text(reply, 'expires')
  if (expires === '') return longest
  const until = Date.parse(expires) - (Date.parse(text(reply, 'date')) || Date.now())
  return Number.isNaN(until) ? 0 : Math.min(longest, Math.max(0, until))
}

/** What a client asks of caches: `no-store` keeps its response out, `no-cache` wants a new one. */
export function requestDirective(header: string | string[] | undefined): 'no-store' | 'no-cache' | undefined {
  const control = directives(String(header ?? ''))
  if (control.has('no-store')) return 'no-store'
  return control.has('no-cache') || seconds(control.get('max-age') ?? '') === 0 ? 'no-cache' : undefined
}

/**
 * May this body be kept? A GraphQL response without errors, from a server that executed the operation.
 *
 * @param body the whole body.
 */
export function isSuccess(body: string): boolean {
  try {
    const value: unknown = JSON.parse(body)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    const { data, errors, hasNext } = value as { data?: unknown; errors?: unknown; hasNext?: unknown }
    const failed = errors !== undefined && errors !== null && !(Array.isArray(errors) && errors.length === 0)
    return typeof data === 'object' && data !== null && !failed && hasNext === undefined
  } catch {
    return false
  }
}

function isJson(type: string): boolean {
  return /^application\/(?:graphql-response\+)?json[\t ]*(?:;|$)/i.test(type)
}

function text(reply: FastifyReply, name: string): string {
  return String(reply.getHeader(name) ?? '')
}

function directives(header: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const part of header.split(',')) {
    const [name = '', value = ''] = part.split('=', 2)
    if (name.trim() !== '') found.set(name.trim().toLowerCase(), value.trim().replace(/^"|"$/g, ''))
  }
  return found
}

function seconds(value: string): number | undefined {
  return /^[0-9]{1,10}$/.test(value) ? Number(value) : undefined
}
