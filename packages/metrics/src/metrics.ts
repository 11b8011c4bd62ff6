import type { Component, ComponentInstance, ConfigIssue, Context, Step } from '@portcullis/core'
import { type Address, type MetricsConfig, metricsSchema, parseListen } from './config.ts'
import { CONTENT_TYPE, exposition } from './exposition.ts'
import { componentHealth, gaugeFamilies } from './gauges.ts'
import { type Handler, listen, pathOf, send } from './listener.ts'
import { ProcessMetrics } from './process-metrics.ts'
import { trafficFamilies } from './report.ts'
import { loadApi, Tracing } from './tracing.ts'
import { Traffic } from './traffic.ts'

/** `telemetry/metrics`: counts requests, and tells Prometheus of them. */
export const metrics: Component<MetricsConfig> = {
  name: 'metrics',
  namespaces: ['telemetry/metrics'],
  levels: ['service'],
  schema: metricsSchema,
  refuses: false,
  check: (config) => checkListen(config.listen),
  create(config, context): ComponentInstance {
    const traffic = Traffic.of(context)
    const own = new ProcessMetrics()
    const api = config.tracing === false ? undefined : loadApi()
    const tracing = api === undefined ? undefined : new Tracing(api)
    const text = async (): Promise<string> => textOf(traffic, own, context)
    if (config.public === true) serve(config.path ?? '/__metrics', text, context)
    let stop: (() => Promise<void>) | undefined
    return {
      steps: [
        ...trafficSteps(traffic),
        ...wafSteps(traffic, context),
        ...(tracing === undefined ? [] : tracingSteps(tracing)),
      ],
      onParserRefusal: (refusal) => traffic.parserRefusal(refusal),
      ready: async () => {
        own.start()
        tracing?.start()
        stop = await listenForScrapes(config, text, context)
      },
      close: async () => {
        own.stop()
        await stop?.()
      },
    }
  },
}

/** A port that there is. */
export function checkListen(text: string | undefined): ConfigIssue[] {
  if (text === undefined) return []
  try {
    parseListen(text)
    return []
  } catch (error) {
    return [{ place: '.listen', message: (error as Error).message }]
  }
}

/** The steps that count; none where another component of the package has them already. */
export function trafficSteps(traffic: Traffic): Step[] {
  if (!traffic.claim()) return []
  return [
    {
      phase: 'onRequest',
      slot: 'metrics',
      run: (_request, state, reply) => {
        traffic.begin(state, reply)
        return undefined
      },
    },
    { phase: 'onResponse', slot: 'metrics', run: (request, reply, state) => traffic.end(request, reply, state, false) },
    { phase: 'onRequestAbort', slot: 'metrics', run: (request, state) => traffic.end(request, undefined, state, true) },
  ]
}

/** Two clocks around the firewall's steps, where the service has one. */
function wafSteps(traffic: Traffic, context: Context): Step[] {
  if (context.serviceBlock('security/waf') === undefined) return []
  return (['onRequest', 'preValidation'] as const).flatMap((phase): Step[] => [
    { phase, slot: 'metrics:before-waf', run: (_request, state) => void traffic.beforeWaf(state) },
    { phase, slot: 'metrics:after-waf', run: (_request, state) => void traffic.afterWaf(state) },
  ])
}

function tracingSteps(tracing: Tracing): Step[] {
  return [
    { phase: 'onRequest', slot: 'metrics', run: (request, state) => void tracing.begin(request, state) },
    { phase: 'onResponse', slot: 'metrics', run: (_request, reply, state) => tracing.end(reply, state) },
    { phase: 'onRequestAbort', slot: 'metrics', run: (_request, state) => tracing.end(undefined, state) },
    ...tracing.upstreamSteps(),
  ]
}

async function textOf(traffic: Traffic, own: ProcessMetrics, { fastify }: Context): Promise<string> {
  const health = [...(await componentHealth(fastify))]
  return exposition([
    ...trafficFamilies(traffic),
    ...gaugeFamilies(fastify),
    {
      name: 'component_healthy',
      help: '1 when a component can do its work: its keys are there, its store answers',
      type: 'gauge',
      samples: health.map(([component, works]) => ({ labels: { component }, value: Number(works) })),
    },
    ...own.families(),
  ])
}

function serve(path: string, text: () => Promise<string>, { fastify }: Context): void {
  const config = { portcullisExempt: true }
  fastify.get(path, { config, logLevel: 'warn' }, async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(CONTENT_TYPE)
      .send(await text()),
  )
}

async function listenForScrapes(
  config: MetricsConfig,
  text: () => Promise<string>,
  { fastify, log, place }: Context,
): Promise<(() => Promise<void>) | undefined> {
  if (config.listen === undefined) {
    if (config.public !== true) log.info({ place }, 'metrics are counted but served nowhere: state "listen"')
    return undefined
  }
  const address: Address = parseListen(config.listen)
  const path = config.path ?? '/__metrics'
  const handler: Handler = (request, response) => {
    if (pathOf(request) !== path) {
      send(response, 404, 'text/plain; charset=utf-8', 'not found\n')
      return
    }
    text().then(
      (body) => send(response, 200, CONTENT_TYPE, body),
      (error: unknown) => {
        log.error({ err: error, component: 'metrics' }, 'metrics cannot be told')
        send(response, 500, 'text/plain; charset=utf-8', 'internal error\n')
      },
    )
  }
  return listen(fastify, 'metrics', address, handler)
}
