import { hash } from 'node:crypto'
import { claimReader, networkKey, type RequestState } from '@portcullis/core'
import type { FastifyRequest } from 'fastify'
import type { LimitBy } from './config.ts'

/** Names what a request is counted by. Addresses stand plain, everything else behind a letter of its kind. */
export type Identify = (request: FastifyRequest, state: RequestState) => string

/** How an {@link Identify} is made. */
export interface IdentifyOptions {
  by: LimitBy
  /** Name of the header, parameter or claim; the path. */
  key?: string | undefined
  ipv6Prefix?: number | undefined
  /** Never keep a value as it is: it leaves this process, and may be a secret. */
  hashed?: boolean
}

/** Longer values are kept as their hash, so that a key's length is bounded. */
const PLAIN = 64
const CACHED_ADDRESSES = 4096

/** A function that names the client of a request; whoever lacks what is asked for is named by address. */
export function identifier(options: IdentifyOptions): Identify {
  const address = addressNamer(options.ipv6Prefix ?? 64)
  const { by } = options
  if (by === 'ip') return (request) => address(request.ip)
  if (by === 'service') return () => ''
  const find = finder(by, options.key)
  const letter = LETTERS[by]
  const name = options.hashed === true ? digest : shortened
  return (request, state) => {
    const value = find(request, state)
    return value === undefined || value === '' ? address(request.ip) : letter + name(value)
  }
}

/** Is this known before anybody has been authenticated? */
export function isEarly(by: LimitBy): boolean {
  return by === 'ip' || by === 'header' || by === 'param' || by === 'path' || by === 'service'
}

const LETTERS = {
  consumer: 'u=',
  credential: 'k=',
  api_key: 'a=',
  claim: 'c=',
  header: 'h=',
  param: 'p=',
  path: 'r=',
} as const

/** Address to key. The v4 case, also as a dual-stack listener writes it, costs no parsing. */
function addressNamer(prefix: number): (ip: string | undefined) => string {
  const known = new Map<string, string>()
  return (ip) => {
    if (ip === undefined) return 'unknown'
    if (!ip.includes(':')) return ip
    let key = known.get(ip)
    if (key === undefined) {
      key = networkKey(ip, prefix)
      if (known.size >= CACHED_ADDRESSES) known.clear()
      known.set(ip, key)
    }
    return key
  }
}

function finder(
  by: Exclude<LimitBy, 'ip' | 'service'>,
  key = '',
): (r: FastifyRequest, s: RequestState) => string | undefined {
  switch (by) {
    case 'header': {
      const name = key.toLowerCase()
      return (request) => request.headers[name]?.toString()
    }
    case 'param':
      return (request) => (request.params as Record<string, string> | undefined)?.[key]
    case 'path':
      return key === '' ? (request) => request.routeOptions.url : onePath(key)
    case 'claim':
      return claimFinder(key)
    case 'api_key':
      return (_request, state) => {
        const found = state.identities?.find(({ kind }) => kind === 'api-key')
        return found?.keyId ?? found?.subject
      }
    case 'credential':
      return (_request, { identity }) =>
        identity === undefined ? undefined : `${identity.kind} ${identity.keyId ?? identity.subject ?? ''}`
    case 'consumer':
      return (_request, { identity }) => identity?.subject ?? identity?.keyId
  }
}

/** Kong's `path`: one path has a quota of its own, requests to all others are counted by address. */
function onePath(path: string): (request: FastifyRequest) => string | undefined {
  return (request) => {
    const url = request.routeOptions.url
    if (url === path) return path
    const query = request.url.indexOf('?')
    return (query === -1 ? request.url : request.url.slice(0, query)) === path ? path : undefined
  }
}

function claimFinder(name: string): (request: FastifyRequest, state: RequestState) => string | undefined {
  const read = claimReader(name)
  return (_request, state) => {
    for (const { claims } of state.identities ?? []) {
      const value = read(claims)
      if (typeof value === 'string') return value
      if (value !== undefined && value !== null) return JSON.stringify(value)
    }
    return undefined
  }
}

function shortened(value: string): string {
  return value.length <= PLAIN ? value : digest(value)
}

function digest(value: string): string {
  return hash('sha256', value, 'base64url').slice(0, 22)
}
