import { type ConfigIssue, didYouMean } from '@portcullis/core'

/** KrakenD's namespaces that have no counterpart here, in their present spelling. */
const NAMESPACES = [
  'ai/llm',
  'async/amqp',
  'async/kafka',
  'auth/aws-sigv4',
  'auth/gcp',
  'auth/ntlm',
  'auth/revoker',
  'auth/signer',
  'backend/amqp/consumer',
  'backend/amqp/producer',
  'backend/graphql',
  'backend/grpc',
  'backend/http/client',
  'backend/lambda',
  'backend/pubsub/publisher',
  'backend/pubsub/subscriber',
  'backend/soap',
  'backend/static-filesystem',
  'documentation/openapi',
  'governance/processors',
  'governance/quota',
  'grpc',
  'modifier/body-generator',
  'modifier/jmespath',
  'modifier/lua-backend',
  'modifier/lua-endpoint',
  'modifier/lua-proxy',
  'modifier/martian',
  'modifier/request-body-generator',
  'modifier/request-body-extractor',
  'modifier/response-body',
  'modifier/response-body-generator',
  'plugin/http-client',
  'plugin/http-server',
  'plugin/middleware',
  'plugin/req-resp-modifier',
  'proxy',
  'qos/circuit-breaker/http',
  'qos/http-cache',
  'qos/ratelimit/router/redis',
  'qos/ratelimit/service/redis',
  'qos/ratelimit/tiered',
  'redis',
  'router',
  'security/policies',
  'server/static-filesystem',
  'server/virtualhost',
  'telemetry/gelf',
  'telemetry/influx',
  'telemetry/logstash',
  'telemetry/moesif',
  'telemetry/newrelic',
  'telemetry/opencensus',
  'telemetry/opentelemetry',
  'telemetry/opentelemetry-security',
  'telemetry/datadog',
  'telemetry/ganalytics',
  'telemetry/instana',
  'validation/cel',
  'validation/response-json-schema',
  'websocket',
  'workflow',
] as const

const FIELDS = new Set([
  'async_agent',
  'debug_endpoint',
  'echo_endpoint',
  'sequential_start',
  'disable_rest',
  'disable_compression',
  'disable_keep_alives',
  'dialer_timeout',
  'dialer_fallback_delay',
  'dialer_keep_alive',
  'dns_cache_ttl',
  'expect_continue_timeout',
  'idle_connection_timeout',
  'max_idle_connections',
  'max_idle_connections_per_host',
  'max_header_bytes',
  'max_shutdown_wait_time',
  'plugin',
  'read_timeout',
  'read_header_timeout',
  'response_header_timeout',
  'write_timeout',
  'idle_timeout',
  'use_h2c',
  'allow_insecure_connections',
  'concurrent_calls',
  'allow',
  'deny',
  'whitelist',
  'blacklist',
  'mapping',
  'group',
  'target',
  'is_collection',
  'sd_scheme',
  'krakend_version',
  'usage_disable',
  'auto_options',
])

/** What to say of a namespace that no component has. */
export function unknownNamespace(key: string, known: Iterable<string>): { message: string; krakend: boolean } {
  if (isKrakendNamespace(key))
    return { message: `"${key}" is a KrakenD namespace that Portcullis does not run`, krakend: true }
  return { message: `unknown namespace${didYouMean(key, known)}`, krakend: false }
}

function isKrakendNamespace(key: string): boolean {
  return (
    (NAMESPACES as readonly string[]).includes(key) ||
    /^github[._]com\/(devopsfaith|krakendio|luraproject|krakend)\//.test(key)
  )
}

/** Is this unknown field one of KrakenD's, so that the message can say why it is refused? */
export function krakendField(issue: ConfigIssue): string | undefined {
  if (!issue.message.startsWith('unknown field')) return undefined
  const name = /\.([a-z_]+)$/.exec(`.${issue.place}`)?.[1]
  return name !== undefined && FIELDS.has(name) ? name : undefined
}

/** Old field names of version 2 documents and their present ones. */
export const RENAMED: Readonly<Record<string, string>> = {
  headers_to_pass: 'input_headers',
  querystring_params: 'input_query_strings',
}
