import type { ServerResponse } from 'node:http'
import type { Component, ComponentInstance, ConfigIssue, Context, ParserRefusal } from '@portcullis/core'
import { Access } from './access.ts'
import { type DashboardConfig, dashboardSchema, isLoopback, parseListen } from './config.ts'
import { type Handler, listen, pathOf, send } from './listener.ts'
import { Live } from './live.ts'
import { checkListen, trafficSteps } from './metrics.ts'
import { makePage } from './page.ts'
import { planView } from './plan-view.ts'
import { ProcessMetrics } from './process-metrics.ts'
import { snapshot } from './snapshot.ts'
import { Traffic } from './traffic.ts'

/** Shorter tokens are warned of. */
const SHORT = 16
const JSON_TYPE = 'application/json; charset=utf-8'
const TEXT_TYPE = 'text/plain; charset=utf-8'

/** `telemetry/dashboard`: a page that shows what happens now. */
export const dashboard: Component<DashboardConfig> = {
  name: 'dashboard',
  namespaces: ['telemetry/dashboard'],
  levels: ['service'],
  schema: dashboardSchema,
  refuses: false,
  check: checkDashboard,
  create(config, context): ComponentInstance {
    const traffic = Traffic.of(context)
    const live = new Live()
    traffic.live = live
    const own = new ProcessMetrics()
    let stop: (() => Promise<void>) | undefined
    return {
      steps: trafficSteps(traffic),
      ...(context.serviceBlock('telemetry/metrics') === undefined
        ? { onParserRefusal: (refusal: ParserRefusal) => traffic.parserRefusal(refusal) }
        : undefined),
      ready: async () => {
        if (config.token.length < SHORT) context.log.warn({ place: context.place }, 'the dashboard’s token is short')
        own.start()
        const handler = handlerOf(
          new Access(config.token),
          () => snapshot(traffic, live, own, context.fastify),
          context,
        )
        stop = await listen(context.fastify, 'dashboard', parseListen(config.listen), handler)
      },
      close: async () => {
        own.stop()
        await stop?.()
      },
    }
  },
}

function checkDashboard({ listen: text }: DashboardConfig): ConfigIssue[] {
  const issues = checkListen(text)
  if (issues.length > 0 || isLoopback(parseListen(text).host)) return issues
  return [{ place: '.listen', message: 'the dashboard is served on loopback only: "127.0.0.1:port"' }]
}

/** Answers `/` with the page, `/data` with the numbers and `/plan` with the plans: to nobody without the token. */
function handlerOf(access: Access, data: () => Promise<object>, { fastify, log }: Context): Handler {
  const page = makePage()
  const pageHeaders = {
    'content-security-policy': page.policy,
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  }
  return (request, response) => {
    const verdict = access.judge(request)
    if (!verdict.allowed) {
      refuse(response, verdict.status)
      return
    }
    if (verdict.cookie !== undefined) response.setHeader('set-cookie', verdict.cookie)
    const path = pathOf(request)
    if (path === '/') send(response, 200, 'text/html; charset=utf-8', page.html, pageHeaders)
    else if (path === '/plan') send(response, 200, JSON_TYPE, JSON.stringify(planView(fastify)))
    else if (path === '/data') {
      data().then(
        (found) => send(response, 200, JSON_TYPE, JSON.stringify(found)),
        (error: unknown) => {
          log.error({ err: error, component: 'dashboard' }, 'the dashboard has no data')
          send(response, 500, TEXT_TYPE, 'internal error\n')
        },
      )
    } else send(response, 404, TEXT_TYPE, 'not found\n')
  }
}

function refuse(response: ServerResponse, status: 401 | 421): void {
  const headers: Record<string, string> =
    status === 401
      ? { 'www-authenticate': 'Basic realm="Portcullis dashboard, the password is the token", charset="UTF-8"' }
      : {}
  send(response, status, TEXT_TYPE, status === 401 ? 'the token is needed\n' : 'not a name of this listener\n', headers)
}
