import { durationSchema, type JSONSchema } from '@portcullis/core'

/** A certificate chain and its private key: names of PEM files. */
export interface KeyPair {
  public_key: string
  private_key: string
}

/** The root's block `tls`. */
export interface TlsConfig {
  keys?: KeyPair[]
  public_key?: string
  private_key?: string
  disabled?: boolean
  min_version?: string
  max_version?: string
  cipher_suites?: (string | number)[]
  curve_preferences?: (string | number)[]
  prefer_server_cipher_suites?: boolean
  enable_mtls?: boolean
  ca_certs?: string[]
  disable_system_ca_pool?: boolean
  http2?: boolean
  session_timeout?: string | number
  ticket_keys_file?: string
  redirect_from?: number
  /** Facts of the client's certificate and the headers they go upstream in: `[["common_name", "x-client-cn"]]`. */
  propagate_client_certificate?: [fact: string, header: string][]
}

/** The block `client_tls`. */
export interface ClientTlsConfig {
  allow_insecure_connections?: boolean
  ca_certs?: string[]
  disable_system_ca_pool?: boolean
  min_version?: string
  max_version?: string
  cipher_suites?: (string | number)[]
  curve_preferences?: (string | number)[]
  client_certs?: { certificate: string; private_key: string }[]
  server_name?: string
}

const file: JSONSchema = { type: 'string', minLength: 1, expects: 'the name of a PEM file' }
const version: JSONSchema = { enum: ['TLS12', 'TLS13'] }
const suites: JSONSchema = { type: 'array', minItems: 1, items: { type: ['string', 'integer'] } }

/** JSON Schema of the root's `tls`. */
export const tlsSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  description: 'TLS of the server.',
  properties: {
    keys: {
      type: 'array',
      minItems: 1,
      description: 'Key pairs; the client’s server name (SNI) chooses.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['public_key', 'private_key'],
        properties: {
          public_key: { ...file, description: 'Certificate chain, leaf first.' },
          private_key: { ...file, description: 'Private key of the leaf.' },
        },
      },
    },
    public_key: { ...file, description: 'The certificate of a single key pair.' },
    private_key: { ...file, description: 'The key of a single key pair.' },
    disabled: { type: 'boolean', default: false, description: 'Serve plain HTTP although this block is here.' },
    min_version: { ...version, default: 'TLS12', description: 'Oldest protocol version.' },
    max_version: { ...version, default: 'TLS13', description: 'Newest protocol version.' },
    cipher_suites: { ...suites, description: 'Cipher suites by IANA name or number.' },
    curve_preferences: { ...suites, description: 'Curves by name or KrakenD’s number.' },
    prefer_server_cipher_suites: {
      type: 'boolean',
      default: true,
      description: 'The server’s order of suites counts.',
    },
    enable_mtls: { type: 'boolean', default: false, description: 'Require and verify a client certificate.' },
    ca_certs: { type: 'array', items: file, description: 'CAs of client certificates.' },
    disable_system_ca_pool: {
      type: 'boolean',
      default: true,
      description: 'The system’s CAs do not vouch for clients.',
    },
    http2: { type: 'boolean', default: true, description: 'Offer HTTP/2 by ALPN beside HTTP/1.1.' },
    session_timeout: { ...durationSchema, default: '10m', description: 'How long a session can be resumed.' },
    ticket_keys_file: { ...file, description: 'File with 48 bytes shared by several processes.' },
    propagate_client_certificate: {
      type: 'array',
      items: {
        type: 'array',
        minItems: 2,
        maxItems: 2,
        items: [
          { enum: ['subject', 'common_name', 'issuer', 'serial', 'fingerprint', 'sans', 'not_after'] },
          { type: 'string', pattern: '^[A-Za-z0-9-]+$', expects: 'a header name' },
        ],
        expects: 'a pair of a fact and a header name',
      },
      description:
        'Facts of the client’s certificate and the headers in which they go upstream; clients cannot send these.',
    },
    redirect_from: {
      type: 'integer',
      minimum: 0,
      maximum: 65535,
      description: 'Port of a plain listener that redirects to HTTPS.',
    },
  },
}

/** JSON Schema of `client_tls`. */
export const clientTlsSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  description: 'TLS towards backends.',
  properties: {
    allow_insecure_connections: {
      type: 'boolean',
      default: false,
      description: 'Do not verify backends: for tests only.',
    },
    ca_certs: { type: 'array', items: file, description: 'CAs of backends, beside the system’s.' },
    disable_system_ca_pool: { type: 'boolean', default: false, description: 'Trust ca_certs alone.' },
    min_version: { ...version, default: 'TLS12', description: 'Oldest protocol version.' },
    max_version: { ...version, default: 'TLS13', description: 'Newest protocol version.' },
    cipher_suites: { ...suites, description: 'Cipher suites by IANA name or number.' },
    curve_preferences: { ...suites, description: 'Curves by name or KrakenD’s number.' },
    client_certs: {
      type: 'array',
      maxItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['certificate', 'private_key'],
        properties: { certificate: file, private_key: file },
      },
      description: 'The certificate that the gateway shows.',
    },
    server_name: { type: 'string', minLength: 1, description: 'Name that the backend’s certificate must have.' },
  },
}
