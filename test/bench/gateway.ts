import type { AddressInfo } from 'node:net'
import { type GatewayDocument, gateway, serverOptions } from '@portcullis/gateway'
import Fastify, { type FastifyInstance } from 'fastify'

type Blocks = Record<string, unknown>

/** The blocks of the perimeter that need no identity. */
export const perimeter: Blocks = {
  'security/http': {
    allowed_hosts: ['bench.test'],
    sts_seconds: 63_072_000,
    frame_deny: true,
    content_type_nosniff: true,
    browser_xss_filter: true,
    content_security_policy: "default-src 'self'",
    referrer_policy: 'no-referrer',
  },
  'security/cors': {
    allow_origins: ['https://app.example.com'],
    allow_credentials: true,
    allow_methods: ['GET', 'POST'],
  },
  'security/ip-filter': { deny: ['10.0.0.42'] },
  'security/bot-detector': { patterns: ['(?i)scrapy'], cache_size: 1000 },
  'security/request-limits': { max_body: '1M' },
}

/** A gateway with these service blocks and one endpoint, on a free port. */
export async function startGateway(
  upstream: string,
  extra_config: Blocks,
  endpoint: Blocks = {},
  more: Partial<GatewayDocument> = {},
): Promise<number> {
  const document: GatewayDocument = {
    version: 3,
    extra_config,
    ...more,
    endpoints: [
      {
        endpoint: '/api/users',
        method: ['GET', 'POST'],
        input_headers: ['*'],
        input_query_strings: ['*'],
        extra_config: endpoint,
        backend: [{ host: [upstream], url_pattern: '/u' }],
      },
    ],
  }
  const app = Fastify(serverOptions(document)) as unknown as FastifyInstance
  await app.register(gateway, document)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}
