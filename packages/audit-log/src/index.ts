/**
 * `telemetry/audit-log`: one JSON line for every request that reached the server, refused or not, and what decided it.
 *
 * An {@link AuditLog} gathers an entry when a request is over, writes it as a line by hand and offers it to its sinks,
 * which work in batches off the request's path. {@link logging} is `telemetry/logging`: the application's own log.
 */
import {
  type Component,
  type ComponentInstance,
  type ComponentPlugin,
  type Context,
  Refusal,
  type Step,
  toPlugin,
} from '@portcullis/core'
import { AuditLog } from './audit-log.ts'
import { checkAuditLog } from './check.ts'
import { type AuditLogConfig, auditLogSchema } from './config.ts'

export { type AuditLogConfig, auditLogSchema } from './config.ts'
export { type LoggingConfig, logging, loggingSchema } from './logging.ts'

const UNAVAILABLE = new Refusal(503, 'AUDIT_UNAVAILABLE', 'The request cannot be recorded at present')

/** The component. */
export const auditLog: Component<AuditLogConfig> = {
  name: 'audit-log',
  namespaces: ['telemetry/audit-log'],
  levels: ['service'],
  schema: auditLogSchema,
  renamedFields: { custom_fields_by_lua: 'custom_fields' },
  check: checkAuditLog,
  create(config, context): ComponentInstance {
    const log = new AuditLog(config, context)
    publish(log, context)
    const refuses = config.on_failure === 'refuse'
    return {
      steps: stepsOf(log, refuses, config.include_bodies === true),
      ...(config.include_bodies === true ? { body: { capture: true } } : undefined),
      onParserRefusal: (refusal) => log.parserRefusal(refusal),
      ready: () => log.open(),
      healthy: () => !refuses || log.available,
      reload: () => log.reopen(),
      close: () => log.close(),
    }
  },
}

function stepsOf(log: AuditLog, refuses: boolean, bodies: boolean): Step[] {
  const steps: Step[] = [
    {
      phase: 'onRequest',
      run: (_request, state, reply) => {
        log.begin(state, reply)
        return refuses && !log.available ? UNAVAILABLE : undefined
      },
    },
    { phase: 'onResponse', run: (request, reply, state) => log.end(request, reply, state, false) },
    { phase: 'onRequestAbort', run: (request, state) => log.end(request, undefined, state, true) },
  ]
  if (bodies) {
    steps.push({
      phase: 'onSend',
      run: (_request, reply, payload, state) => {
        log.keepBody(reply, payload, state)
        return undefined
      },
    })
  }
  return steps
}

function publish(log: AuditLog, context: Context): void {
  context.gauge({
    name: 'audit_log_available',
    help: '1 when the audit log can be written',
    read: () => Number(log.available),
  })
  context.gauge({ name: 'audit_log_queue_lines', help: 'Audit lines that wait', read: () => log.queued })
  context.gauge({ name: 'audit_log_dropped_total', help: 'Audit lines that were lost', read: () => log.dropped })
}

/** `app.register(auditLog, { path: 'audit.log' })` */
const plugin: ComponentPlugin<AuditLogConfig> = toPlugin(auditLog)
export default plugin
