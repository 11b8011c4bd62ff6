import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Context, duration } from '@portcullis/core'
import type { AuditLogConfig } from './config.ts'
import { FileSink } from './file-sink.ts'
import { httpTransport } from './http-transport.ts'
import { ShipSink } from './ship-sink.ts'
import type { Sink, SinkListener } from './sink.ts'
import { syslogTransport } from './syslog-transport.ts'

const PORTS = { udp: 514, tcp: 601, tls: 6514 } as const
/** Most lines of one batch of syslog messages. */
const SYSLOG_BATCH = 500

/** Where lines go. The first is the record: whether it works decides whether requests are refused. */
export function makeSinks(config: AuditLogConfig, context: Context): Sink[] {
  const common = { flushInterval: duration(config.flush_interval ?? '200ms'), queueSize: config.queue_size ?? 10_000 }
  const read = (file: string | undefined): string | undefined =>
    file === undefined ? undefined : readFileSync(resolve(context.baseDir, file), 'utf8')
  const sinks: Sink[] = []
  const { path, http, syslog } = config
  if (path !== undefined) {
    const target = path === 'stdout' ? path : resolve(context.baseDir, path)
    const mode = Number.parseInt(config.file_mode ?? '0600', 8)
    const onNotice = (error: Error): void =>
      context.log.error({ err: error, component: 'audit-log', path }, 'the audit log cannot be rotated')
    sinks.push(
      new FileSink({ ...common, path: target, mode, rotate: config.rotate, onChange: teller(path, context), onNotice }),
    )
  }
  if (http !== undefined) {
    const { url, headers = {}, timeout = '5s' } = http
    const transport = httpTransport({ url, headers, timeout: duration(timeout), ca: read(http.ca_certs) })
    sinks.push(
      new ShipSink(transport, { ...common, batch: http.batch ?? 500, onChange: teller(transport.name, context) }),
    )
  }
  if (syslog !== undefined) {
    const {
      host,
      protocol = 'udp',
      port = PORTS[protocol],
      facility = 'local0',
      app_name: appName = 'portcullis',
    } = syslog
    const transport = syslogTransport({ host, port, protocol, facility, appName, ca: read(syslog.ca_certs) })
    sinks.push(new ShipSink(transport, { ...common, batch: SYSLOG_BATCH, onChange: teller(transport.name, context) }))
  }
  return sinks
}

/** Says once when a sink stops working, and once when it works again. */
function teller(sink: string, { log }: Context): SinkListener {
  return (available, error) => {
    if (available) log.warn({ component: 'audit-log', sink }, 'the audit log is written again')
    else log.error({ err: error, component: 'audit-log', sink }, 'the audit log cannot be written')
  }
}
