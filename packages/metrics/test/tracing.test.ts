import {
  type Context,
  context,
  type Link,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanOptions,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import { type Component, runUpstreamRequest, runUpstreamResponse, stateOf, toPlugin } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import metrics from '../src/index.ts'
import { loadApi } from '../src/tracing.ts'

interface Recorded {
  name: string
  kind: number | undefined
  attributes: Record<string, unknown>
  parent: string | undefined
  traceId: string
  spanId: string
  events: unknown[]
  status: number | undefined
  ended: number
}

let spans: Recorded[]
let app: FastifyInstance

/** As much of an SDK as is needed: spans with ids, and W3C's `traceparent`. */
function provider(): TracerProvider {
  let counter = 0
  const startSpan = (name: string, options: SpanOptions = {}, parentContext: Context = context.active()): Span => {
    const parent = options.root === true ? undefined : trace.getSpanContext(parentContext)
    const id = (++counter).toString(16).padStart(16, '0')
    const recorded: Recorded = {
      name,
      kind: options.kind,
      attributes: { ...options.attributes },
      parent: parent?.spanId,
      traceId: parent?.traceId ?? '1'.repeat(32),
      spanId: id,
      events: [],
      status: undefined,
      ended: 0,
    }
    if (name !== 'portcullis.probe') spans.push(recorded)
    const span: Partial<Span> = {
      spanContext: () => ({ traceId: recorded.traceId, spanId: id, traceFlags: 1 }),
      setAttribute: (key, value) => {
        recorded.attributes[key] = value
        return span as Span
      },
      addEvent: (event, attributes) => {
        recorded.events.push([event, attributes])
        return span as Span
      },
      addLink: (_link: Link) => span as Span,
      setStatus: ({ code }) => {
        recorded.status = code
        return span as Span
      },
      isRecording: () => true,
      end: () => {
        recorded.ended++
      },
    }
    return span as Span
  }
  return { getTracer: () => ({ startSpan, startActiveSpan: (() => undefined) as never }) }
}

beforeEach(() => {
  spans = []
})
afterEach(async () => {
  await app.close()
  trace.disable()
  propagation.disable()
})

function registerSdk(): void {
  trace.setGlobalTracerProvider(provider())
  propagation.setGlobalPropagator({
    inject: (from, carrier) => {
      const found = trace.getSpanContext(from)
      if (found !== undefined)
        (carrier as Record<string, string>)['traceparent'] = `00-${found.traceId}-${found.spanId}-01`
    },
    extract: (into, carrier) => {
      const [, traceId, spanId] = String((carrier as Record<string, string>)['traceparent']).split('-')
      return traceId === undefined || spanId === undefined
        ? into
        : trace.setSpanContext(into, { traceId, spanId, traceFlags: 1, isRemote: true })
    },
    fields: () => ['traceparent'],
  })
}

const recorder: Component<object> = {
  name: 'recorder',
  namespaces: ['test/recorder'],
  levels: ['service'],
  schema: { type: 'object' },
  create: () => ({
    steps: [
      {
        phase: 'onRequest',
        run: (_request, state) => void state.record({ component: 'waf', code: 'RULE_1', mode: 'record' }),
      },
    ],
  }),
}

async function start(config: object = {}): Promise<void> {
  app = Fastify()
  await app.register(metrics, { public: true, ...config })
  await app.register(toPlugin(recorder), {})
  app.get('/users/:id', (request) => ({ traceparent: request.headers['traceparent'] ?? null }))
  app.get('/proxied', async (request) => {
    const state = stateOf(request)
    const upstream = {
      method: 'GET',
      origin: 'http://backend:8081',
      path: '/u?token=x',
      headers: { traceparent: 'old' },
      attempt: 2,
    }
    await runUpstreamRequest(request, state, upstream)
    runUpstreamResponse(request, state, upstream, { status: 503, duration: 1 })
    return upstream.headers
  })
}

describe('with an SDK', () => {
  it('makes a span of the server that goes on with the client’s trace, and hands it on', async () => {
    registerSdk()
    await start()
    const traceId = 'a'.repeat(32)
    const response = await app.inject({
      url: '/users/7?token=x',
      headers: { traceparent: `00-${traceId}-${'b'.repeat(16)}-01` },
    })
    expect(spans).toHaveLength(1)
    const [span] = spans
    expect(span).toMatchObject({ name: 'GET /users/:id', kind: 1, traceId, parent: 'b'.repeat(16), ended: 1 })
    expect(span!.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.route': '/users/:id',
      'url.path': '/users/7',
      'http.response.status_code': 200,
      'client.address': '127.0.0.1',
    })
    expect(span!.events).toEqual([['portcullis.decision', { component: 'waf', code: 'RULE_1', mode: 'record' }]])
    expect(response.json().traceparent).toBe(`00-${traceId}-${span!.spanId}-01`)
  })

  it('makes a span of the client around each try, whose context goes upstream', async () => {
    registerSdk()
    await start()
    const response = await app.inject('/proxied')
    const [server, client] = spans
    expect(client).toMatchObject({
      name: 'GET',
      kind: 2,
      parent: server!.spanId,
      traceId: server!.traceId,
      status: 2,
      ended: 1,
    })
    expect(client!.attributes).toEqual({
      'http.request.method': 'GET',
      'server.address': 'backend',
      'server.port': 8081,
      'url.full': 'http://backend:8081/u',
      'http.request.resend_count': 1,
      'http.response.status_code': 503,
    })
    expect(response.json().traceparent).toBe(`00-${client!.traceId}-${client!.spanId}-01`)
  })

  it('makes none with tracing: false', async () => {
    registerSdk()
    await start({ tracing: false })
    await app.inject('/users/7')
    expect(spans).toEqual([])
  })
})

it('does nothing without an SDK, and nothing without the API', async () => {
  await start()
  expect((await app.inject('/users/7')).json()).toEqual({ traceparent: null })
  const missing = () => {
    throw new Error('Cannot find module')
  }
  expect(loadApi(missing)).toBeUndefined()
  expect(trace.getSpanContext(ROOT_CONTEXT)).toBeUndefined()
})
