import { foldHeaderName, type RequestState, type UpstreamRequest } from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Rule } from './rules.ts'
import type { Subject } from './template.ts'

type Value = string | string[]

/** A name that folding changes. */
const ODD = /[^a-z0-9-]/

/** Headers that rules change: of the request, of the request to an upstream, or of the response. */
export interface HeaderTarget {
  get: (name: string) => Value | undefined
  set: (name: string, value: Value) => void
  remove: (name: string) => void
}

/** Applies rules in order. */
export function applyRules(rules: readonly Rule[], target: HeaderTarget, subject: Subject): void {
  for (const rule of rules) {
    if (rule.kind === 'delete') target.remove(rule.name)
    else if (rule.kind === 'rename') rename(target, rule.name, rule.to)
    else applyValue(rule.kind, rule.name, rule.value.render(subject), target)
  }
}

function rename(target: HeaderTarget, from: string, to: string): void {
  const value = target.get(from)
  if (value === undefined || from === to) return
  target.remove(from)
  target.set(to, value)
}

/** A value that cannot be made leaves nothing of a client's or a backend's own under `replace`. */
function applyValue(
  kind: 'replace' | 'add' | 'append',
  name: string,
  value: string | undefined,
  target: HeaderTarget,
): void {
  if (kind === 'replace') {
    // Removed first in any case: an upstream may take `x_a` and `x-a` for one name.
    target.remove(name)
    if (value !== undefined) target.set(name, value)
    return
  }
  if (value === undefined) return
  const present = target.get(name)
  if (present === undefined) target.set(name, value)
  else if (kind === 'append') target.set(name, appended(name, present, value))
}

/** Lists are joined by commas, except cookies: each is a header line of its own, or joined by semicolons. */
function appended(name: string, present: Value, value: string): Value {
  if (name === 'set-cookie') return [present, value].flat()
  const separator = name === 'cookie' ? '; ' : ', '
  return [...[present].flat(), value].filter((part) => part !== '').join(separator)
}

/** The request as the app's handler and the upstream get to see it. */
export class RequestTarget implements HeaderTarget {
  readonly #request: FastifyRequest
  readonly #state: RequestState

  constructor(request: FastifyRequest, state: RequestState) {
    this.#request = request
    this.#state = state
  }

  get(name: string): Value | undefined {
    return this.#request.raw.headers[name]
  }

  set(name: string, value: Value): void {
    this.#state.setRequestHeader(this.#request, name, value)
  }

  remove(name: string): void {
    this.#state.removeRequestHeader(this.#request, name)
  }
}

/** One try of a request to an upstream. */
export class UpstreamTarget implements HeaderTarget {
  readonly #headers: UpstreamRequest['headers']

  constructor(upstream: UpstreamRequest) {
    this.#headers = upstream.headers
  }

  get(name: string): Value | undefined {
    return this.#headers[name]
  }

  set(name: string, value: Value): void {
    this.#headers[name] = value
  }

  remove(name: string): void {
    delete this.#headers[name]
    const folded = foldHeaderName(name)
    for (const present in this.#headers) {
      if (ODD.test(present) && foldHeaderName(present) === folded) delete this.#headers[present]
    }
  }
}

/** The response before it is sent. */
export class ResponseTarget implements HeaderTarget {
  readonly #reply: FastifyReply

  constructor(reply: FastifyReply) {
    this.#reply = reply
  }

  get(name: string): Value | undefined {
    const value = this.#reply.getHeader(name)
    return typeof value === 'number' ? String(value) : value
  }

  set(name: string, value: Value): void {
    // Fastify adds to Set-Cookie instead of setting it.
    if (name === 'set-cookie') this.#reply.removeHeader(name)
    this.#reply.header(name, value)
  }

  remove(name: string): void {
    this.#reply.removeHeader(name)
  }
}
