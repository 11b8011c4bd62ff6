import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ConfigurationError, formatIssue } from '@portcullis/gateway'
import pc from 'picocolors'
import { audit, SEVERITIES, type Severity } from './audit.ts'
import { check } from './check.ts'
import { run } from './run.ts'
import { describe, wafTest } from './waf-test.ts'

const USAGE = `portcullis: a security gateway from a KrakenD-style configuration

  portcullis run -c FILE [--port N] [--watch]   run the gateway
  portcullis check -c FILE [--format text|json] check a configuration; prints every mistake
  portcullis audit -c FILE [--fail-on SEVERITY] security advice on a valid configuration
  portcullis waf test -c FILE --request FILE    which WAF rules fire on a request, and why
  portcullis version

Exit codes: 0 stopped in order, 1 configuration refused, 2 wrong usage.`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  port: { type: 'string', short: 'p' },
  watch: { type: 'boolean' },
  format: { type: 'string' },
  'fail-on': { type: 'string' },
  unsupported: { type: 'string' },
  request: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Wrong usage: the message says what, the exit code is 2. */
class UsageError extends Error {}

/**
 * Runs a command line.
 *
 * @param args without the program's name.
 * @returns the exit code: 0, 1 (configuration refused) or 2 (wrong usage).
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await command(args)
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`${pc.red('portcullis:')} ${error.message}\n\n${USAGE}`)
      return 2
    }
    if (isConfigurationError(error)) {
      console.error(`${pc.red('portcullis:')} ${error.message}`)
      return 1
    }
    console.error(`${pc.red('portcullis:')} ${(error as Error).message}`)
    return 1
  }
}

async function command(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args)
  const [name, ...rest] = positionals
  if (values.help === true || name === 'help') {
    console.log(USAGE)
    return 0
  }
  if (name === undefined) throw new UsageError('a command is missing')
  if (name === 'waf' && rest.length === 1 && rest[0] === 'test') return wafCommand(values)
  if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`)
  switch (name) {
    case 'version':
      console.log(version())
      return 0
    case 'run':
      return runCommand(values)
    case 'check':
      return checkCommand(values)
    case 'audit':
      return auditCommand(values)
    case 'waf':
      throw new UsageError('expected "waf test"')
    default:
      throw new UsageError(`unknown command "${name}"`)
  }
}

type Values = ReturnType<typeof parse>['values']

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n', 1)[0]!)
  }
}

function configOf(values: Values): string {
  if (values.config === undefined) throw new UsageError('-c FILE is missing')
  return values.config
}

function unsupportedOf(values: Values): 'error' | 'ignore' {
  const { unsupported = 'error' } = values
  if (unsupported !== 'error' && unsupported !== 'ignore') throw new UsageError('--unsupported is "error" or "ignore"')
  return unsupported
}

async function runCommand(values: Values): Promise<number> {
  const port = values.port === undefined ? undefined : Number(values.port)
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port < 65536))
    throw new UsageError(`--port ${values.port} is not a port`)
  const running = await run({
    config: configOf(values),
    watch: values.watch === true,
    unsupported: unsupportedOf(values),
    ...(port === undefined ? undefined : { port }),
  })
  await running.stopped
  return 0
}

async function checkCommand(values: Values): Promise<number> {
  const { format = 'text' } = values
  if (format !== 'text' && format !== 'json') throw new UsageError('--format is "text" or "json"')
  const config = configOf(values)
  const result = await check(config, { unsupported: unsupportedOf(values) })
  if (format === 'json')
    console.log(JSON.stringify({ valid: result.valid, issues: result.issues, warnings: result.warnings }, undefined, 2))
  else if (result.valid) console.log(`${pc.green('ok')} ${config}`)
  else {
    for (const issue of result.issues) console.log(formatIssue(issue))
    console.error(`${config}: ${result.issues.length === 1 ? '1 mistake' : `${result.issues.length} mistakes`}`)
  }
  for (const issue of format === 'text' ? result.warnings : [])
    console.error(`${pc.yellow('warning')} ${formatIssue(issue)}`)
  return result.valid ? 0 : 1
}

async function auditCommand(values: Values): Promise<number> {
  const failOn = values['fail-on'] ?? 'high'
  if (!(SEVERITIES as readonly string[]).includes(failOn))
    throw new UsageError(`--fail-on is one of ${SEVERITIES.join(', ')}`)
  const findings = audit(configOf(values), { unsupported: unsupportedOf(values) })
  if (values.format === 'json') console.log(JSON.stringify(findings, undefined, 2))
  else
    for (const { severity, id, place, message } of findings)
      console.log(`${severity.padEnd(8)} ${id} ${place}: ${message}`)
  if (findings.length === 0 && values.format !== 'json') console.log(`${pc.green('ok')} nothing to advise`)
  const limit = SEVERITIES.indexOf(failOn as Severity)
  return findings.some(({ severity }) => SEVERITIES.indexOf(severity) >= limit) ? 1 : 0
}

async function wafCommand(values: Values): Promise<number> {
  if (values.request === undefined) throw new UsageError('--request FILE is missing')
  const result = await wafTest(configOf(values), values.request, { unsupported: unsupportedOf(values) })
  if (values.format === 'json') console.log(JSON.stringify(result, undefined, 2))
  else console.log(describe(result))
  return 0
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function isConfigurationError(error: unknown): error is ConfigurationError {
  return (
    error instanceof ConfigurationError ||
    (error as { code?: string } | undefined)?.code === 'PORTCULLIS_CONFIG_INVALID'
  )
}
