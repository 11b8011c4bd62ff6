import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance, type LightMyRequestResponse } from 'fastify'
import jwt, { type JwtConfig } from '../src/index.ts'

export const SECRET = 'a secret that is long enough for all: 0123456789 0123456789 0123456789'

/** Seconds since 1970. */
export const now = (): number => Math.floor(Date.now() / 1000)

const pairs = new Map<string, { publicKey: KeyObject; privateKey: KeyObject }>()

/** A key pair by name (`rsa`, `ec256`, `ed25519`, …, or `rsa:two` for another one), made once. */
export function pair(name: string): { publicKey: KeyObject; privateKey: KeyObject } {
  let made = pairs.get(name)
  if (made === undefined) {
    made = makePair(name.split(':')[0]!)
    pairs.set(name, made)
  }
  return made
}

function makePair(kind: string): { publicKey: KeyObject; privateKey: KeyObject } {
  switch (kind) {
    case 'rsa':
      return generateKeyPairSync('rsa', { modulusLength: 2048 })
    case 'rsa1024':
      return generateKeyPairSync('rsa', { modulusLength: 1024 })
    case 'ec256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    case 'ec384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' })
    case 'ec512':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' })
    case 'ed448':
      return generateKeyPairSync('ed448')
    default:
      return generateKeyPairSync('ed25519')
  }
}

export const pem = (name: string): string => pair(name).publicKey.export({ type: 'spki', format: 'pem' }) as string

/** A key of a set. */
export const jwk = (name: string, more: object = {}): object => ({
  ...pair(name).publicKey.export({ format: 'jwk' }),
  kid: name,
  ...more,
})

const encode = (value: string | Buffer): string => Buffer.from(value).toString('base64url')

/** Signs whatever it is given: header and payload are JSON text or values. */
export function forge(header: unknown, payload: unknown, key: string | KeyObject | undefined, alg: string): string {
  const json = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
  const input = `${encode(json(header))}.${encode(json(payload))}`
  return `${input}.${signature(input, key, alg)}`
}

function signature(input: string, key: string | KeyObject | undefined, alg: string): string {
  if (key === undefined) return ''
  const hash = `sha${alg.slice(2)}`
  if (alg.startsWith('HS')) return createHmac(hash, key).update(input).digest('base64url')
  const privateKey = typeof key === 'string' ? createPrivateKey(key) : key
  const data = Buffer.from(input)
  if (alg.startsWith('ES'))
    return sign(hash, data, { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  if (alg.startsWith('PS'))
    return sign(hash, data, { key: privateKey, padding: 6, saltLength: -1 }).toString('base64url')
  return sign(alg === 'EdDSA' ? null : hash, data, privateKey).toString('base64url')
}

/** A good token for {@link SECRET}, unless claims say otherwise. */
export function hs256(claims: object = {}, header: object = {}): string {
  return forge({ alg: 'HS256', typ: 'JWT', ...header }, { sub: 'alice', exp: now() + 300, ...claims }, SECRET, 'HS256')
}

/** A good RS256 token of a key pair. */
export function rs256(name: string, claims: object = {}, header: object = {}): string {
  const payload = { sub: 'alice', exp: now() + 300, ...claims }
  return forge({ alg: 'RS256', kid: name, ...header }, payload, pair(name).privateKey, 'RS256')
}

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

/** An app behind the plugin whose handler tells what arrived. */
export async function guarded(config: JwtConfig, options: object = {}): Promise<FastifyInstance> {
  const app = Fastify(options)
  await app.register(jwt, config)
  app.route({
    method: ['GET', 'OPTIONS', 'POST'],
    url: '/',
    handler: (request) => ({ headers: request.headers, query: request.query, user: request.user ?? null }),
  })
  return app
}

/** `401 TOKEN_INVALID`, or the status alone when there is no code. */
export function verdict(response: LightMyRequestResponse): string {
  const { code } = response.statusCode >= 400 ? (response.json() as { code?: string }) : {}
  return code === undefined ? String(response.statusCode) : `${response.statusCode} ${code.replace('PORTCULLIS_', '')}`
}

/** A server on a free port of the loopback interface. */
export async function serve(listener: RequestListener): Promise<{ url: string; server: Server; close: () => void }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${port}`, server, close }
}
