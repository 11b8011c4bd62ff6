/**
 * Proxying to upstreams: endpoints become Fastify routes whose handler forwards to one backend.
 *
 * A request goes through {@link Forward}: the path guard, the URL pattern, zero-trust headers and query, the steps
 * before the upstream (breaker, token), one or more tries, and back: whole when it is small, as a stream when not.
 */
export { type BackendHttpConfig, type BackendHttpSettings, backendHttp, backendHttpSettings } from './backend-http.ts'
export { addEndpoints, type EndpointOptions, routeUrl } from './endpoint.ts'
export { type Failure, failureOf } from './failure.ts'
export { type Backend, Forward } from './forward.ts'
export { guardPath } from './path-guard.ts'
export { filterQuery, type QueryFilter } from './query.ts'
export { type RequestHeaderOptions, RequestHeaders } from './request-headers.ts'
export { readResponseHeaders } from './response-headers.ts'
export { Upstream, type UpstreamHost, type UpstreamOptions } from './upstream.ts'
export { compileUrlPattern, type UrlPattern } from './url-pattern.ts'
