import { claimReader, didYouMean, type Identity, type RequestState } from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Which way the header goes. */
export type Direction = 'request' | 'response'

/** What a value may speak of. */
export interface Subject {
  request: FastifyRequest
  state: RequestState
  /** Only on the way out. */
  reply: FastifyReply | undefined
}

/** A header value of a configuration, ready to be made for a request. */
export interface Template {
  /** Does it speak of who the client is, so that no client may send such a header itself? */
  identifies: boolean
  /** @returns undefined when something that it speaks of is not there. */
  render: (subject: Subject) => string | undefined
}

type Variable = (subject: Subject) => unknown

const VARIABLES: Readonly<Record<string, Variable>> = {
  'request.id': ({ request }) => request.id,
  'request.method': ({ request }) => request.method,
  'request.path': ({ request }) => request.url.split('?', 1)[0],
  'request.host': ({ request }) => request.host,
  'request.protocol': ({ request }) => request.protocol,
  'request.route': ({ request }) => request.routeOptions.url,
  'client.ip': ({ request }) => request.ip,
  'identity.kind': ({ state }) => state.identity?.kind,
  'identity.subject': ({ state }) => state.identity?.subject,
  'identity.key_id': ({ state }) => state.identity?.keyId,
  'identity.roles': ({ state }) => state.identity?.roles,
}

const RESPONSE_VARIABLES: Readonly<Record<string, Variable>> = {
  'response.status': ({ reply }) => reply?.statusCode,
}

const PLAIN = /^[\x20-\x7e]*$/

/**
 * Compiles a header value with `${…}` in it.
 *
 * @throws SyntaxError for an unknown variable, a `${` without end, and text that cannot stand in a header.
 */
export function compileTemplate(text: string, direction: Direction): Template {
  if (!PLAIN.test(text)) throw new SyntaxError('a header value is plain printable ASCII')
  const parts: (string | Variable)[] = []
  let identifies = false
  let at = 0
  while (at < text.length) {
    const open = text.indexOf('${', at)
    if (open === -1) break
    const close = text.indexOf('}', open)
    if (close === -1) throw new SyntaxError('"${" without "}"')
    if (open > at) parts.push(text.slice(at, open))
    const name = text.slice(open + 2, close)
    identifies ||= /^(claims|identity|client)\./.test(name)
    parts.push(variable(name, direction))
    at = close + 1
  }
  if (at < text.length) parts.push(text.slice(at))
  if (parts.every((part) => typeof part === 'string')) return { identifies, render: () => text }
  return { identifies, render: (subject) => join(parts, subject) }
}

function variable(name: string, direction: Direction): Variable {
  if (/^claims\..+/.test(name)) return claim(name.slice('claims.'.length))
  if (/^request\.headers\..+/.test(name)) {
    const header = name.slice('request.headers.'.length).toLowerCase()
    return ({ request }) => request.headers[header]
  }
  const known = direction === 'request' ? VARIABLES : { ...VARIABLES, ...RESPONSE_VARIABLES }
  if (Object.hasOwn(known, name)) return known[name]!
  const names = [...Object.keys(known), 'claims.sub', 'request.headers.name']
  throw new SyntaxError(`"\${${name}}" is no variable${didYouMean(name, names)}`)
}

/** A claim by its name, which may hold dots itself, or by the path to it. */
function claim(path: string): Variable {
  const read = claimReader(path)
  return ({ state }) => read(state.identities?.find((identity: Identity) => identity.claims !== undefined)?.claims)
}

function join(parts: readonly (string | Variable)[], subject: Subject): string | undefined {
  let text = ''
  for (const part of parts) {
    if (typeof part === 'string') {
      text += part
      continue
    }
    const value = asText(part(subject))
    if (value === undefined) return undefined
    text += value
  }
  return text
}

/** Texts, numbers, true and false, and lists of them; anything else is not there. */
function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return headerSafe(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (!Array.isArray(value)) return undefined
  const texts = value.map(asText)
  return texts.includes(undefined) ? undefined : texts.join(',')
}

/** Control characters are dropped, and what is not ASCII is percent-encoded: no value can end its header. */
function headerSafe(value: string): string {
  if (PLAIN.test(value)) return value
  return value.replace(/[^\x20-\x7e]/gu, (char) => {
    if (char < ' ' || char === '\x7f') return ''
    return Array.from(Buffer.from(char), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  })
}
