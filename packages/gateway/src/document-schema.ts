import { durationSchema, type JSONSchema } from '@portcullis/core'

const text: JSONSchema = { type: 'string', minLength: 1 }
const texts: JSONSchema = { type: 'array', items: text }
const extraConfig: JSONSchema = { type: 'object', description: 'The blocks of this level, by namespace.' }
const encoding: JSONSchema = {
  enum: ['no-op', 'json', 'fast-json'],
  description:
    'Responses are passed on byte for byte, whatever stands here; other encodings of KrakenD need aggregation and are refused.',
}

/** One backend of an endpoint. */
export const backendSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    host: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', pattern: '^https?://[^/?#\\s]+/?$', expects: 'an origin such as "http://host:8080"' },
      description: 'Origins of the backend; several share the requests. Default: the root’s host.',
    },
    url_pattern: {
      type: 'string',
      pattern: '^/',
      expects: 'a path such as "/users/{id}"',
      description:
        'The path towards the backend, with {params}, {JWT.claim}, a query of its own, and * for the rest of a prefix endpoint.',
    },
    method: {
      type: 'string',
      pattern: '^[A-Z]+$',
      expects: 'a method in capitals',
      description: 'Method towards the backend. Default: the client’s.',
    },
    input_headers: { ...texts, description: 'Narrows the endpoint’s input_headers for this backend.' },
    input_query_strings: { ...texts, description: 'Narrows the endpoint’s input_query_strings for this backend.' },
    timeout: { ...durationSchema, description: 'Narrows the endpoint’s timeout.' },
    encoding,
    sd: { const: 'static', description: 'Hosts are listed here; service discovery is not run.' },
    disable_host_sanitize: { type: 'boolean', description: 'Accepted: hosts are always complete origins here.' },
    client_tls: { type: 'object', description: 'TLS towards this backend; the same as extra_config.client_tls.' },
    extra_config: extraConfig,
  },
}

/** One endpoint. */
export const endpointSchema: JSONSchema = {
  type: 'object',
  required: ['endpoint', 'backend'],
  additionalProperties: false,
  properties: {
    endpoint: {
      type: 'string',
      pattern: '^/',
      expects: 'a path such as "/users/{id}" or "/api/*"',
      description: 'The path towards clients.',
    },
    method: {
      anyOf: [
        { type: 'string', pattern: '^([A-Z]+|\\*)$', expects: 'a method in capitals or "*"' },
        {
          type: 'array',
          minItems: 1,
          items: { type: 'string', pattern: '^[A-Z]+$', expects: 'a method in capitals' },
          expects: 'a list of methods',
        },
      ],
      default: 'GET',
      description: 'One method, a list, or "*" for all.',
    },
    hosts: {
      ...texts,
      minItems: 1,
      description: 'Host names that this endpoint is limited to; * stands for one label.',
    },
    timeout: { ...durationSchema, description: 'Longest wait for the backend. Default: the root’s.' },
    cache_ttl: { ...durationSchema, description: 'Cache-Control of successful answers to GET. Default: the root’s.' },
    input_headers: { ...texts, default: [], description: 'Request headers that go to the backend; ["*"] = all.' },
    input_query_strings: {
      ...texts,
      default: [],
      description: 'Query parameters that go to the backend; ["*"] = all.',
    },
    output_encoding: encoding,
    extra_config: extraConfig,
    backend: { type: 'array', minItems: 1, items: backendSchema, description: 'The backend; exactly one.' },
  },
}

/** The whole document, without the blocks of `extra_config`, which the components check. */
export const documentSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    version: { enum: [2, 3], default: 3, description: 'KrakenD’s version of the format.' },
    name: { ...text, description: 'Name of the gateway, for logs and Via.' },
    port: {
      type: 'integer',
      minimum: 0,
      maximum: 65535,
      default: 8080,
      description: 'Port of the command line’s server.',
    },
    listen_ip: { type: 'string', description: 'Address that the command line’s server listens on. Default: all.' },
    timeout: { ...durationSchema, default: '2s', description: 'Longest wait for a backend.' },
    cache_ttl: { ...durationSchema, default: 0, description: 'Cache-Control of successful answers to GET; 0 = none.' },
    host: {
      ...(backendSchema.properties as Record<string, JSONSchema>).host,
      description: 'Backends’ default origins.',
    },
    tls: { type: 'object', description: 'The server’s TLS.' },
    client_tls: { type: 'object', description: 'TLS towards all backends.' },
    trusted_proxies: {
      ...texts,
      default: [],
      description: 'Addresses and CIDR ranges whose X-Forwarded-* headers are believed.',
    },
    redis: { type: 'object', description: 'The Redis that every shared store uses.' },
    health: { type: 'boolean', default: true, description: 'Serve /__health and /__ready (command line).' },
    output_encoding: encoding,
    extra_config: extraConfig,
    endpoints: { type: 'array', items: endpointSchema, default: [], description: 'What is proxied.' },
  },
}
