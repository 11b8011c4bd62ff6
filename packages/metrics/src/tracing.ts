import { createRequire } from 'node:module'
import type { Context as OtelContext, Span, Tracer } from '@opentelemetry/api'
import type { RequestState, Step, UpstreamOutcome, UpstreamRequest } from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'

type Api = typeof import('@opentelemetry/api')

/** What is kept on a request's state while its span is open. */
interface Trace {
  span: Span
  context: OtelContext
  attempt: Span | undefined
}

type Traced = Partial<Record<symbol, Trace | undefined>>

/** `@opentelemetry/api` where it is installed; undefined elsewhere. */
export function loadApi(load: (name: string) => unknown = createRequire(import.meta.url)): Api | undefined {
  try {
    return load('@opentelemetry/api') as Api
  } catch {
    return undefined
  }
}

/**
 * Spans of OpenTelemetry: one of the server around each request, one of the client around each try at an upstream. What
 * components decided becomes events. The trace context goes to the app's handler and to the upstream.
 */
export class Tracing {
  readonly #api: Api
  readonly #tracer: Tracer
  readonly #key: symbol = Symbol('portcullis.trace')
  #active = false

  constructor(api: Api) {
    this.#api = api
    this.#tracer = api.trace.getTracer('portcullis')
  }

  /** Looks whether an SDK is registered: without one nothing is done for a request. */
  start(): void {
    const probe = this.#tracer.startSpan('portcullis.probe', { root: true })
    this.#active = this.#api.isSpanContextValid(probe.spanContext())
  }

  begin(request: FastifyRequest, state: RequestState): void {
    if (!this.#active) return
    const { propagation, ROOT_CONTEXT, SpanKind, trace } = this.#api
    const parent = propagation.extract(ROOT_CONTEXT, request.headers)
    const { url: route, config } = request.routeOptions
    const attributes: Record<string, string> = {
      'http.request.method': request.method,
      'url.path': pathOf(request),
      'url.scheme': request.protocol,
      'network.protocol.version': request.raw.httpVersion,
      'client.address': request.ip,
    }
    if (route !== undefined) attributes['http.route'] = route
    if (config.portcullisEndpoint !== undefined) attributes['portcullis.endpoint'] = config.portcullisEndpoint.place
    const name = route === undefined ? request.method : `${request.method} ${route}`
    const span = this.#tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent)
    const context = trace.setSpan(parent, span)
    ;(state as object as Traced)[this.#key] = { span, context, attempt: undefined }
    const carrier: Record<string, string> = {}
    propagation.inject(context, carrier)
    for (const name in carrier) state.setRequestHeader(request, name.toLowerCase(), carrier[name]!)
  }

  end(reply: FastifyReply | undefined, state: RequestState): void {
    const traced = (state as object as Traced)[this.#key]
    if (traced === undefined) return
    ;(state as object as Traced)[this.#key] = undefined
    const { span, attempt } = traced
    attempt?.end()
    for (const { component, code, mode } of state.decisions) {
      span.addEvent('portcullis.decision', { component, code, mode })
    }
    const status = reply?.statusCode
    if (status === undefined) span.setAttribute('error.type', 'aborted')
    else span.setAttribute('http.response.status_code', status)
    if (status === undefined || status >= 500) span.setStatus({ code: this.#api.SpanStatusCode.ERROR })
    span.end()
  }

  /** The steps beside those of the server's span. */
  upstreamSteps(): Step[] {
    return [
      {
        phase: 'upstreamRequest',
        slot: 'metrics',
        run: (_request, state, upstream) => {
          this.#beginAttempt(state as object as Traced, upstream)
          return undefined
        },
      },
      {
        phase: 'upstreamResponse',
        slot: 'metrics',
        run: (_request, state, _upstream, outcome) => {
          this.#endAttempt(state as object as Traced, outcome)
          return undefined
        },
      },
    ]
  }

  #beginAttempt(state: Traced, upstream: UpstreamRequest): void {
    const traced = state[this.#key]
    if (traced === undefined) return
    const { propagation, SpanKind, trace } = this.#api
    const { hostname, port } = new URL(upstream.origin)
    const attributes: Record<string, string | number> = {
      'http.request.method': upstream.method,
      'server.address': hostname,
      'url.full': upstream.origin + upstream.path.replace(/\?.*$/s, ''),
    }
    if (port !== '') attributes['server.port'] = Number(port)
    if (upstream.attempt > 1) attributes['http.request.resend_count'] = upstream.attempt - 1
    traced.attempt = this.#tracer.startSpan(upstream.method, { kind: SpanKind.CLIENT, attributes }, traced.context)
    propagation.inject(trace.setSpan(traced.context, traced.attempt), upstream.headers)
  }

  #endAttempt(state: Traced, { status, failure }: UpstreamOutcome): void {
    const attempt = state[this.#key]?.attempt
    if (attempt === undefined) return
    if (status !== undefined) attempt.setAttribute('http.response.status_code', status)
    if (failure !== undefined) attempt.setAttribute('error.type', failure)
    if (failure !== undefined || (status !== undefined && status >= 400)) {
      attempt.setStatus({ code: this.#api.SpanStatusCode.ERROR })
    }
    attempt.end()
    state[this.#key]!.attempt = undefined
  }
}

/** Without the query: it may hold secrets. */
function pathOf(request: FastifyRequest): string {
  const url = request.raw.url ?? ''
  const mark = url.indexOf('?')
  return mark === -1 ? url : url.slice(0, mark)
}
