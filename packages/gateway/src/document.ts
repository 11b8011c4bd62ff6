/** A backend as the document has it. */
export interface BackendDocument {
  host?: string[]
  url_pattern?: string
  method?: string
  input_headers?: string[]
  input_query_strings?: string[]
  timeout?: string | number
  encoding?: string
  extra_config?: Record<string, unknown>
}

/** An endpoint as the document has it. */
export interface EndpointDocument {
  endpoint: string
  method?: string | string[]
  hosts?: string[]
  timeout?: string | number
  cache_ttl?: string | number
  input_headers?: string[]
  input_query_strings?: string[]
  output_encoding?: string
  extra_config?: Record<string, unknown>
  backend: BackendDocument[]
}

/** The configuration: a KrakenD document, or just its `extra_config` and `endpoints`. */
export interface GatewayDocument {
  version?: 2 | 3
  name?: string
  port?: number
  listen_ip?: string
  timeout?: string | number
  cache_ttl?: string | number
  host?: string[]
  tls?: Record<string, unknown>
  client_tls?: Record<string, unknown>
  trusted_proxies?: string[]
  redis?: Record<string, unknown>
  health?: boolean
  output_encoding?: string
  extra_config?: Record<string, unknown>
  endpoints?: EndpointDocument[]
}
