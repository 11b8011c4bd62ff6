/**
 * `security/http`: allowed hosts, the way to HTTPS, and the security headers of every response.
 *
 * - `onRequest`: a request for a host that is not allowed is refused (421), one that contradicts itself too (400); plain
 *   HTTP is redirected to HTTPS, only ever to `ssl_host` or an allowed host ({@link HostGate}).
 * - `onSend`: the block's headers, computed once from helmet's own middleware, take the place of whatever the app or a
 *   backend says; Strict-Transport-Security goes out over HTTPS alone ({@link headerBlock}).
 * - What a proxy says of host and scheme counts only when the proxy is trusted.
 */
import { randomBytes } from 'node:crypto'
import {
  type Component,
  type ComponentInstance,
  type ComponentPlugin,
  type ConfigIssue,
  type Context,
  type Level,
  type SendStep,
  toPlugin,
} from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { patternProblem } from './allowed-hosts.ts'
import { type HttpSecureConfig, httpSecureSchema } from './config.ts'
import { isHost } from './host.ts'
import { HostGate } from './host-gate.ts'
import { keyPairIssues } from './key-pair.ts'
import { type HeaderList, headerBlock, NONCE_PLACE, policyProblems } from './security-headers.ts'
import { warnings } from './warnings.ts'

export type { HttpSecureConfig } from './config.ts'
export { type KeyPairFiles, keyPairFiles } from './key-pair.ts'

const NAMESPACE = 'security/http'

/** The component `http-secure`. */
export const httpSecure: Component<HttpSecureConfig> = {
  name: 'http-secure',
  namespaces: [NAMESPACE, 'github.com/devopsfaith/krakend-httpsecure'],
  levels: ['service', 'endpoint'],
  schema: httpSecureSchema,
  renamedFields: { public_key: 'hpkp_public_key' },
  combine: 'replace',
  check,
  create,
}

/** `security/http` as a Fastify plugin. */
const plugin: ComponentPlugin<HttpSecureConfig> = toPlugin(httpSecure)
export default plugin

const NONCE = Symbol('portcullis.cspNonce')

/** The nonce of a request's response, for `<script nonce>`: it stands where the policy has `$NONCE`. 22 characters. */
export function cspNonce(request: FastifyRequest): string {
  const holder = request as { [NONCE]?: string }
  holder[NONCE] ??= randomBytes(16).toString('base64').slice(0, 22)
  return holder[NONCE]
}

function check(config: HttpSecureConfig, { level, baseDir }: { level: Level; baseDir: string }): ConfigIssue[] {
  const issues = policyProblems(config).map(({ field, message }) => ({ place: `.${field}`, message }))
  config.allowed_hosts?.forEach((entry, i) => {
    const place = `.allowed_hosts[${i}]`
    if (config.allowed_hosts_are_regex === true) {
      const problem = patternProblem(entry)
      if (problem !== undefined) issues.push({ place, message: `not a pattern that can be run: ${problem}` })
    } else if (!isHost(entry.toLowerCase().replaceAll('*', 'x'))) {
      issues.push({ place, message: `expected a host such as "example.com" or "example.com:8443", got "${entry}"` })
    }
  })
  if (config.ssl_host && !isHost(config.ssl_host.toLowerCase())) {
    issues.push({ place: '.ssl_host', message: `expected a host, perhaps with a port, got "${config.ssl_host}"` })
  }
  if (Number(config.ssl_port) > 65535) issues.push({ place: '.ssl_port', message: 'expected a port up to 65535' })
  if (level === 'service') return [...issues, ...keyPairIssues(config, baseDir)]
  for (const field of ['ssl_certificate', 'ssl_private_key'] as const) {
    if (config[field] !== undefined) issues.push({ place: `.${field}`, message: 'belongs to the service' })
  }
  return issues
}

function create(config: HttpSecureConfig, context: Context): ComponentInstance {
  const service = context.level === 'service' ? undefined : (context.serviceBlock(NAMESPACE) as HttpSecureConfig)
  const effective = { ...service, ...config }
  for (const warning of warnings(config, effective)) context.log.warn({ place: context.place }, warning)
  const gate = new HostGate(effective, context.trustsPeer)
  const { plain } = headerBlock(effective)
  return {
    steps: [
      { phase: 'onRequest', run: (request) => gate.decide(request) },
      { phase: 'onSend', run: sendStep(effective, gate) },
    ],
    rawHeaders: Object.fromEntries(plain.map(([name, value]) => [name, value.replaceAll(NONCE_PLACE, '')])),
  }
}

function sendStep(config: HttpSecureConfig, gate: HostGate): SendStep {
  const { plain, secure, removed } = headerBlock(config)
  const hasNonce = [...plain, ...secure].some(([, value]) => value.includes(NONCE_PLACE))
  const removedOnPlain = config.force_sts_header === true ? removed : [...removed, ...HTTPS_ONLY]
  return (request, reply) => {
    const isSecure = gate.isSecure(request)
    for (const name of isSecure ? removed : removedOnPlain) if (reply.hasHeader(name)) reply.removeHeader(name)
    const headers = isSecure ? secure : plain
    if (hasNonce) setWithNonce(request, reply, headers)
    else for (let i = 0; i < headers.length; i++) reply.header(headers[i]![0], headers[i]![1])
    return undefined
  }
}

/** Headers that a backend may send, but not over plain HTTP (RFC 6797 section 7.2). */
const HTTPS_ONLY = ['strict-transport-security', 'public-key-pins']

function setWithNonce(request: FastifyRequest, reply: FastifyReply, headers: HeaderList): void {
  const source = `'nonce-${cspNonce(request)}'`
  for (const [name, value] of headers) reply.header(name, value.replaceAll(NONCE_PLACE, source))
}
