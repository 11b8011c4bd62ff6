import type { FastifyInstance, FastifyRequest } from 'fastify'
import { IpSet } from './ip-set.ts'

const NAMED: Record<string, string[]> = {
  loopback: ['127.0.0.1/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

type TrustFunction = (address: string, hop: number) => boolean

/** Fastify's own options object: there is no public way to read `trustProxy` back. */
export function fastifyOptions(fastify: FastifyInstance): Record<string, unknown> {
  let holder: object | null = fastify
  while (holder !== null) {
    const symbol = Object.getOwnPropertySymbols(holder).find((key) => key.description === 'fastify.options')
    if (symbol !== undefined) return (holder as Record<symbol, Record<string, unknown>>)[symbol] ?? {}
    holder = Object.getPrototypeOf(holder) as object | null
  }
  return {}
}

/**
 * Is the peer of a request's connection a trusted proxy? The answer follows the server's `trustProxy`, so that
 * `request.ip` and whatever else a proxy says of the client (scheme, host) rest on one list.
 *
 * @throws RangeError when `trustProxy` is a number: hop counts trust whoever connects.
 */
export function peerTrust(fastify: FastifyInstance): (request: FastifyRequest) => boolean {
  const option = fastifyOptions(fastify).trustProxy
  if (option === undefined || option === false || option === '') return () => false
  if (typeof option === 'number') {
    throw new RangeError('trustProxy: a number of hops trusts whoever connects; give addresses or CIDR ranges')
  }
  if (option === true) return () => true
  if (typeof option === 'function') {
    return (request) => (option as TrustFunction)(request.socket.remoteAddress ?? '', 0)
  }
  const entries = (Array.isArray(option) ? option : String(option).split(',')).map((entry) => String(entry).trim())
  const set = new IpSet(entries.flatMap((entry) => NAMED[entry] ?? [entry]))
  return (request) => set.has(request.socket.remoteAddress ?? '')
}
