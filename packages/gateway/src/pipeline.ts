import { apiKeys } from '@portcullis/api-keys'
import { auditLog, logging } from '@portcullis/audit-log'
import { basicAuth } from '@portcullis/basic-auth'
import { botDetector } from '@portcullis/bot-detector'
import { circuitBreaker } from '@portcullis/circuit-breaker'
import type { Component, Order } from '@portcullis/core'
import { cors } from '@portcullis/cors'
import { graphqlCache, graphqlLimits } from '@portcullis/graphql'
import { requestHeaders, responseHeaders } from '@portcullis/headers'
import { httpSecure } from '@portcullis/http-secure'
import { ipFilter } from '@portcullis/ip-filter'
import { jwt } from '@portcullis/jwt'
import { dashboard, metrics } from '@portcullis/metrics'
import { oauth2Client } from '@portcullis/oauth2-client'
import { backendHttp } from '@portcullis/proxy'
import {
  backendRateLimit,
  identityRateLimit,
  responseRateLimit,
  routerRateLimit,
  serviceRateLimit,
} from '@portcullis/rate-limit'
import { requestLimits } from '@portcullis/request-limits'
import { clientTls, tls } from '@portcullis/tls'
import { jsonSchemaValidation, openApiValidation, requestValidation } from '@portcullis/validation'
import { waf } from '@portcullis/waf'
import { requestForm } from './request-form.ts'

/** Every component. A new function is one more line here, and its slots in {@link order}. */
export const components: readonly Component[] = [
  logging,
  auditLog,
  metrics,
  dashboard,
  requestLimits,
  httpSecure,
  ipFilter,
  cors,
  botDetector,
  serviceRateLimit,
  routerRateLimit,
  apiKeys,
  basicAuth,
  jwt,
  identityRateLimit,
  responseRateLimit,
  waf,
  jsonSchemaValidation,
  requestValidation,
  openApiValidation,
  graphqlLimits,
  graphqlCache,
  requestHeaders,
  responseHeaders,
  circuitBreaker,
  backendRateLimit,
  oauth2Client,
  backendHttp,
  clientTls,
] as readonly unknown[] as readonly Component[]

/** Components without a block in an `extra_config`: the root's `tls`, and what holds for every request. */
export const rootComponents: readonly Component[] = [tls, requestForm] as readonly unknown[] as readonly Component[]

/** The fixed order of the steps in each phase: cheap before expensive, whatever the order of keys in a configuration. */
export const order: Order = {
  onRequest: [
    'audit-log',
    'metrics',
    'tls',
    'request-form',
    'request-limits',
    'http-secure',
    'ip-filter',
    'cors',
    'bot-detector',
    'rate-limit:address',
    'api-keys',
    'basic-auth',
    'jwt',
    'rate-limit:identity',
    'metrics:before-waf',
    'waf',
    'metrics:after-waf',
  ],
  preParsing: ['request-limits', 'waf'],
  preValidation: ['metrics:before-waf', 'waf', 'metrics:after-waf', 'validation', 'graphql'],
  preHandler: ['graphql-cache', 'headers'],
  upstreamRequest: ['circuit-breaker', 'rate-limit:proxy', 'oauth2-client', 'headers', 'metrics'],
  upstreamResponse: ['metrics', 'circuit-breaker', 'oauth2-client'],
  onSend: [
    'headers',
    'http-secure',
    'cors',
    'graphql-cache',
    'validation',
    'rate-limit',
    'waf',
    'metrics',
    'audit-log',
  ],
  onResponse: ['circuit-breaker', 'rate-limit', 'waf', 'metrics', 'audit-log'],
  onRequestAbort: ['circuit-breaker', 'rate-limit', 'waf', 'metrics', 'audit-log'],
}
