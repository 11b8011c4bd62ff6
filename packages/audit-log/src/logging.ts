import type { Component, ComponentInstance, Context, JSONSchema } from '@portcullis/core'

/** One block `telemetry/logging`: the application's log, not the audit log. */
export interface LoggingConfig {
  level: string
  prefix?: string
  format?: 'json' | 'default' | 'logstash'
  stdout?: boolean
  syslog?: boolean
}

/** KrakenD's levels and what Fastify's logger calls them. */
const LEVELS: Readonly<Record<string, string>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  notice: 'info',
  warning: 'warn',
  warn: 'warn',
  error: 'error',
  critical: 'fatal',
  fatal: 'fatal',
  silent: 'silent',
}

/** JSON Schema of the block, draft 7. */
export const loggingSchema: JSONSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['level'],
  properties: {
    level: {
      type: 'string',
      pattern: `^(${Object.keys(LEVELS)
        .flatMap((level) => [level, level.toUpperCase()])
        .join('|')})$`,
      expects: 'one of "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"',
      description: 'Least important level that is written.',
    },
    prefix: { type: 'string', description: 'Stands in every line as the field `prefix`.' },
    format: {
      enum: ['json', 'default', 'logstash'],
      default: 'json',
      description: 'The log is JSON lines; `logstash` adds the field `@version`, `default` changes nothing.',
    },
    stdout: { type: 'boolean', description: 'Where the log goes is the server’s option `logger`; false is warned of.' },
    syslog: { type: 'boolean', description: 'Not run here; true is warned of.' },
  },
}

/** What pino's loggers can do beyond Fastify's interface. */
interface Bindable {
  setBindings?: (bindings: object) => void
}

/** `telemetry/logging`: sets the level of Fastify's logger, and what stands in each of its lines. */
export const logging: Component<LoggingConfig> = {
  name: 'logging',
  namespaces: ['telemetry/logging', 'github_com/devopsfaith/krakend-gologging'],
  levels: ['service'],
  schema: loggingSchema,
  refuses: false,
  create(config, context): ComponentInstance {
    const { log } = context
    log.level = LEVELS[config.level.toLowerCase()]!
    const bindings = {
      ...(config.prefix === undefined || config.prefix === '' ? undefined : { prefix: config.prefix }),
      ...(config.format === 'logstash' ? { '@version': '1' } : undefined),
    }
    if (Object.keys(bindings).length > 0) (log as Bindable).setBindings?.(bindings)
    warnOfTargets(config, context)
    return { steps: [] }
  },
}

function warnOfTargets(config: LoggingConfig, { log, place }: Context): void {
  if (config.stdout === false || config.syslog === true) {
    log.warn({ place }, 'where the log goes is the server’s option "logger": stdout and syslog change nothing')
  }
}
