import type { Family, Sample } from './exposition.ts'
import { BOUNDS, type Histogram } from './histogram.ts'
import { METHODS, STATUSES, type Traffic } from './traffic.ts'

/** What was counted, as families for the exposition. */
export function trafficFamilies(traffic: Traffic): Family[] {
  const routes = [...traffic.routes]
  return [
    {
      name: 'requests_total',
      help: 'Requests by route pattern, method and class of status',
      type: 'counter',
      samples: routes.flatMap(([route, { requests }]) => requestSamples(route, requests)),
    },
    {
      name: 'requests_in_flight',
      help: 'Requests that are not answered yet',
      type: 'gauge',
      samples: [{ value: traffic.inFlight }],
    },
    {
      name: 'refusals_total',
      help: 'Decisions of components: enforce became the response, monitor would have, record is no refusal',
      type: 'counter',
      samples: [...traffic.decisions.values()].map(({ component, code, mode, count }) => ({
        labels: { component, code, mode },
        value: count,
      })),
    },
    {
      name: 'parser_refusals_total',
      help: 'What the HTTP parser refused: it never became a request',
      type: 'counter',
      samples: [...traffic.parserRefusals].map(([code, value]) => ({ labels: { code }, value })),
    },
    {
      name: 'waf_matches_total',
      help: 'Matches of rules by their id',
      type: 'counter',
      samples: [...traffic.wafRules].map(([rule, value]) => ({ labels: { rule }, value })),
    },
    durations(
      'request_duration_seconds',
      'From the head of a request to the end of its response',
      routes,
      (route) => route.total,
    ),
    durations(
      'gateway_duration_seconds',
      'The same without the time in which the upstream had the request',
      routes,
      (route) => route.gateway,
    ),
    durations(
      'upstream_duration_seconds',
      'From sending a request to an upstream to the head of its response',
      routes,
      (route) => route.upstream,
    ),
    {
      name: 'waf_duration_seconds',
      help: 'Time of the web application firewall for a request that it let pass',
      type: 'histogram',
      samples: traffic.wafTime.count === 0 ? [] : histogramSamples({}, traffic.wafTime),
    },
  ]
}

function requestSamples(route: string, requests: Float64Array): Sample[] {
  const samples: Sample[] = []
  METHODS.forEach((method, row) => {
    STATUSES.forEach((status, column) => {
      const value = requests[row * STATUSES.length + column]!
      if (value > 0) samples.push({ labels: { route, method, status }, value })
    })
  })
  return samples
}

type Route = Traffic['routes'] extends Map<string, infer R> ? R : never

function durations(
  name: string,
  help: string,
  routes: readonly [string, Route][],
  pick: (route: Route) => Histogram | undefined,
): Family {
  const samples = routes.flatMap(([route, traffic]) => {
    const histogram = pick(traffic)
    return histogram === undefined || histogram.count === 0 ? [] : histogramSamples({ route }, histogram)
  })
  return { name, help, type: 'histogram', samples }
}

/** Cumulative buckets in seconds, as Prometheus wants them. */
function histogramSamples(labels: Record<string, string>, { counts, sum, count }: Histogram): Sample[] {
  let below = 0
  const buckets = BOUNDS.map((bound, i): Sample => {
    below += counts[i]!
    return { suffix: '_bucket', labels: { ...labels, le: String(bound / 1000) }, value: below }
  })
  return [
    ...buckets,
    { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count },
    { suffix: '_sum', labels, value: sum / 1000 },
    { suffix: '_count', labels, value: count },
  ]
}
