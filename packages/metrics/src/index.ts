/**
 * Seeing what happens: {@link metrics} (`telemetry/metrics`) counts requests for Prometheus and makes OpenTelemetry
 * spans, {@link dashboard} (`telemetry/dashboard`) shows them live in a browser.
 *
 * Both look at one {@link Traffic}, whose steps stand around every request. What other components publish as gauges is
 * read when somebody asks.
 */
import { type Component, type ComponentPlugin, toPlugin } from '@portcullis/core'
import type { MetricsConfig } from './config.ts'
import { dashboard } from './dashboard.ts'
import { metrics } from './metrics.ts'

export { type DashboardConfig, dashboardSchema, type MetricsConfig, metricsSchema } from './config.ts'
export { dashboard, metrics }

/** `app.register(metrics, { listen: '127.0.0.1:9464' })` */
const plugin: ComponentPlugin<MetricsConfig> = toPlugin(metrics, [{ component: dashboard as unknown as Component }])
export default plugin
