/**
 * The second seed document, "The API Gateway as Security Perimeter", as one configuration: its Kong, Express Gateway
 * and nginx settings under the names that they have here.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { type GatewayDocument, gateway, serverOptions } from '@portcullis/gateway'
import Fastify, { type FastifyInstance } from 'fastify'
import { SignJWT } from 'jose'
import { Pki } from '../../packages/tls/test/pki.ts'
import { startEcho } from './helpers.ts'
import { type Answer, type Question, send } from './seed-support.ts'

const ISSUER = 'https://auth.example.com'
export const APP = 'https://app.example.com'

/** Kong's plugin `jwt` and the Express Gateway middleware: who the client is, told upstream in headers. */
const jwt = {
  alg: 'RS256',
  public_key: 'jwt.pem',
  issuer: ISSUER,
  key_claim_name: 'iss',
  secret_is_base64: false,
  claims_to_verify: ['exp', 'nbf'],
  run_on_preflight: true,
  propagate_claims: [
    ['sub', 'x-user-id'],
    ['roles', 'x-user-roles'],
  ],
  inject_authenticated_header: true,
}

const rateLimiting = {
  second: null,
  minute: 1000,
  hour: 50_000,
  policy: 'local',
  fault_tolerant: true,
  hide_client_headers: false,
  redis: { host: 'redis.internal', port: 6379 },
}

export const ipRestriction = { allow: ['10.0.0.0/8', '172.16.0.0/12'], deny: ['10.0.0.42'] }

export const requestValidator = {
  body_schema: {
    type: 'object',
    required: ['email', 'password'],
    properties: {
      email: { type: 'string', format: 'email', maxLength: 255 },
      password: { type: 'string', minLength: 8, maxLength: 128 },
    },
  },
  parameter_schema: [{ in: 'query', name: 'page', schema: { type: 'integer', minimum: 1 } }],
}

const cors = {
  allow_origins: [APP, 'https://admin.example.com'],
  allow_methods: ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'],
  allow_headers: ['Authorization', 'Content-Type'],
  expose_headers: ['X-RateLimit-Remaining'],
  allow_credentials: true,
  max_age: 3600,
}

export const securityHeaders = {
  'strict-transport-security': 'max-age=63072000; includeSubDomains; preload',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'self'",
  'referrer-policy': 'strict-origin-when-cross-origin',
}

const graphql = { max_queries_per_minute: 100, max_depth: 5, max_complexity: 1000 }

/**
 * The damaged pattern of rule 1001 is closed to its evident meaning; a URI has no spaces before it is decoded; and what
 * rule 1002 reads, somebody must count.
 */
const waf = {
  rules: [
    'SecRule REQUEST_URI "@rx (?i:(?:union[\\s]+select|select[\\s]+from))" "id:1000,phase:1,deny,status:403,t:urlDecodeUni,msg:\'SQL Injection blocked\'"',
    'SecRule ARGS "@rx <script[^>]*>" "id:1001,phase:2,deny,status:403,msg:\'XSS blocked\'"',
    'SecRule REQUEST_FILENAME "@streq /api/login" "id:1003,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},setvar:ip.login_attempt=+1"',
    'SecRule IP:LOGIN_ATTEMPT "@gt 5" "id:1002,phase:1,deny,status:429,msg:\'Brute force blocked\'"',
  ],
}

/** The fields of Kong's `custom_fields_by_lua`, nginx variables replaced by paths. */
const auditLog = {
  path: 'access.log',
  flush_interval: '10ms',
  custom_fields: {
    client_ip: 'client.ip',
    method: 'request.method',
    path: 'request.path',
    status: 'response.status',
    latency: 'latency.upstream',
    user_id: 'claims.sub',
  },
}

/** The document; file names are relative to the folder of the PKI. */
function perimeter(backend: string, internal: string): GatewayDocument {
  const post = { method: ['POST'], input_headers: ['Content-Type'], backend: [{ host: [backend] }] }
  const open = { 'auth/validator': false }
  return {
    trusted_proxies: ['127.0.0.1'],
    host: [backend],
    tls: {
      keys: [{ public_key: 'api.pem', private_key: 'api.key' }],
      min_version: 'TLS12',
      max_version: 'TLS13',
      cipher_suites: ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
      prefer_server_cipher_suites: true,
      session_timeout: '10m',
      http2: true,
    },
    extra_config: {
      'security/http': { allowed_hosts: ['api.example.com'] },
      'security/request-limits': { max_body: '10M', body_timeout: '30s' },
      'security/ip-filter': ipRestriction,
      'security/cors': cors,
      'qos/ratelimit/service': rateLimiting,
      'auth/validator': jwt,
      'modifier/response-headers': {
        add: Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
      },
      'security/waf': waf,
      'telemetry/audit-log': auditLog,
    },
    endpoints: [
      { endpoint: '/api/users/*', input_headers: ['*'], backend: [{ host: [backend], url_pattern: '/users/*' }] },
      { endpoint: '/api/register', ...post, extra_config: { ...open, 'validation/request': requestValidator } },
      { endpoint: '/api/any', ...post, extra_config: open },
      {
        endpoint: '/api/upload',
        ...post,
        extra_config: { ...open, 'security/request-limits': { max_body: '100M' } },
      },
      { endpoint: '/api/query', ...post, extra_config: { ...open, 'security/request-limits': { max_body: '1K' } } },
      {
        endpoint: '/api/internal/*',
        extra_config: open,
        backend: [
          {
            host: [internal],
            url_pattern: '/*',
            extra_config: { client_tls: { ca_certs: ['ca.pem'], disable_system_ca_pool: true } },
          },
        ],
      },
      { endpoint: '/api/graphql', ...post, extra_config: { ...open, 'security/graphql': graphql } },
      { endpoint: '/api/login', ...post, extra_config: open },
      { endpoint: '/api/down', extra_config: open, backend: [{ host: ['http://127.0.0.1:9'] }] },
    ],
  }
}

/** A running perimeter with all that stands around it. */
export interface Perimeter {
  pki: Pki
  port: number
  app: FastifyInstance
  backend: Awaited<ReturnType<typeof startEcho>>
  ca: string
  /** Asks over TLS, from the address `client` as the trusted proxy tells it. */
  ask: (question: Question, client?: string) => Promise<Answer>
  /** A good token, with claims replaced (null = without). */
  token: (claims?: Record<string, unknown>, key?: KeyObject) => Promise<string>
  close: () => Promise<void>
}

/** Starts backends and the gateway; `adapt` may change the document before. */
export async function startPerimeter(
  adapt: (document: GatewayDocument) => void = () => undefined,
  prepare: (app: FastifyInstance) => void = () => undefined,
): Promise<Perimeter> {
  const pki = new Pki()
  pki.issue('api', { names: ['api.example.com'] })
  pki.issue('internal', { names: ['127.0.0.1'] })
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(pki.path('jwt.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
  const backend = await startEcho()
  const internal = https.createServer(
    { cert: readFileSync(pki.path('internal.pem')), key: readFileSync(pki.path('internal.key')) },
    (request, response) => response.end(`internal ${request.url}`),
  )
  await new Promise<void>((settle) => internal.listen(0, '127.0.0.1', settle))
  const document = perimeter(backend.url, `https://127.0.0.1:${(internal.address() as AddressInfo).port}`)
  adapt(document)
  const app = Fastify(serverOptions(document, { baseDir: pki.folder })) as unknown as FastifyInstance
  prepare(app)
  await app.register(gateway, { ...document, baseDir: pki.folder })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const ca = readFileSync(pki.ca, 'utf8')
  return {
    pki,
    port,
    app,
    backend,
    ca,
    ask: (question, client = '10.0.0.7') =>
      send(port, {
        ca,
        servername: 'api.example.com',
        ...question,
        headers: { host: 'api.example.com', 'x-forwarded-for': client, ...question.headers },
      }),
    token(claims = {}, key = privateKey) {
      const now = Math.floor(Date.now() / 1000)
      const all = { iss: ISSUER, sub: 'u-1', roles: ['user', 'admin'], nbf: now - 10, exp: now + 60, ...claims }
      const payload = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null))
      return new SignJWT(payload).setProtectedHeader({ alg: 'RS256' }).sign(key)
    },
    async close() {
      await app.close()
      backend.close()
      internal.closeAllConnections()
      internal.close()
      pki.remove()
    },
  }
}
