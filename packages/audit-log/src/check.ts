import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type ConfigIssue, duration, size } from '@portcullis/core'
import type { AuditLogConfig } from './config.ts'
import { expressionMistake } from './expression.ts'
import { RESERVED } from './line.ts'

/** Mistakes that the schema cannot see: expressions, names, folders, files. */
export function checkAuditLog(config: AuditLogConfig, { baseDir }: { baseDir: string }): ConfigIssue[] {
  return [
    ...checkFields(config),
    ...checkPath(config, baseDir),
    ...checkRotation(config),
    ...checkCertificates('.http.ca_certs', config.http?.ca_certs, baseDir),
    ...checkCertificates('.syslog.ca_certs', config.syslog?.ca_certs, baseDir),
    ...checkCollector(config),
    ...checkSkipped(config),
  ]
}

function checkFields(config: AuditLogConfig): ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const reserved = (config.format ?? 'json') === 'json' ? RESERVED : new Set(['portcullis'])
  for (const [name, expression] of Object.entries(config.custom_fields ?? {})) {
    const place = `.custom_fields${/^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`}`
    if (reserved.has(name)) issues.push({ place, message: 'the record has a field of this name already' })
    const mistake = expressionMistake(expression)
    if (mistake !== undefined) issues.push({ place, message: mistake })
  }
  return issues
}

/**
 * Where `on_failure` is stated, it decides what becomes of a folder that is missing at start; otherwise that is a
 * mistake like any other.
 */
function checkPath({ path, on_failure: onFailure }: AuditLogConfig, baseDir: string): ConfigIssue[] {
  if (path === undefined || path === 'stdout' || onFailure !== undefined) return []
  const folder = dirname(resolve(baseDir, path))
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found?.isDirectory() !== true) return [{ place: '.path', message: `there is no folder ${folder}` }]
  if (statSync(resolve(baseDir, path), { throwIfNoEntry: false })?.isDirectory() === true) {
    return [{ place: '.path', message: 'expected a file, found a folder' }]
  }
  try {
    accessSync(folder, constants.X_OK)
    return []
  } catch {
    return [{ place: '.path', message: `no permission for the folder ${folder}` }]
  }
}

function checkRotation({ path, rotate }: AuditLogConfig): ConfigIssue[] {
  if (rotate === undefined) return []
  const issues: ConfigIssue[] = []
  if (path === undefined || path === 'stdout') {
    issues.push({ place: '.rotate', message: 'only a file can be rotated: state a path' })
  }
  if (rotate.size === undefined && rotate.interval === undefined) {
    issues.push({ place: '.rotate', message: 'expected "size", "interval" or both' })
  }
  if (rotate.size !== undefined && size(rotate.size) === 0) {
    issues.push({ place: '.rotate.size', message: 'expected a size larger than 0' })
  }
  if (rotate.interval !== undefined && duration(rotate.interval) < 1000) {
    issues.push({ place: '.rotate.interval', message: 'expected at least one second' })
  }
  return issues
}

function checkCertificates(place: string, file: string | undefined, baseDir: string): ConfigIssue[] {
  if (file === undefined) return []
  try {
    const text = readFileSync(resolve(baseDir, file), 'latin1')
    return text.includes('-----BEGIN CERTIFICATE-----') ? [] : [{ place, message: 'holds no PEM certificate' }]
  } catch (error) {
    return [{ place, message: `cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}` }]
  }
}

function checkCollector({ http }: AuditLogConfig): ConfigIssue[] {
  if (http === undefined) return []
  if (!URL.canParse(http.url)) return [{ place: '.http.url', message: 'is not a URL' }]
  const { username, password } = new URL(http.url)
  if (username === '' && password === '') return []
  return [{ place: '.http.url', message: 'must hold no password: put it into "headers" as an authorization' }]
}

function checkSkipped({ skip_paths: paths = [] }: AuditLogConfig): ConfigIssue[] {
  return paths.flatMap((path, i): ConfigIssue[] => {
    const star = path.indexOf('*')
    const valid = path.startsWith('/') && (star === -1 || star === path.length - 1)
    return valid ? [] : [{ place: `.skip_paths[${i}]`, message: 'expected a path such as "/ping" or "/static/*"' }]
  })
}
