/** Reads a request's body with the processor that headers or rules chose. */

import { type JsonLimits, parseJson } from '../body/json.ts'
import { parseMultipart } from '../body/multipart.ts'
import { hasBadEscape, parseArguments } from '../body/urlencoded.ts'
import { parseXml } from '../body/xml.ts'
import type { Transaction } from './transaction.ts'
import type { Verdict } from './verdict.ts'

const REFUSED: Verdict = { action: 'deny', status: 413, ruleId: 0, phase: 2, message: 'request body is over the limit' }

/** Flags that make MULTIPART_STRICT_ERROR, as in ModSecurity. */
const STRICT = [
  'BOUNDARY_QUOTED',
  'BOUNDARY_WHITESPACE',
  'DATA_BEFORE',
  'DATA_AFTER',
  'HEADER_FOLDING',
  'LF_LINE',
  'MISSING_SEMICOLON',
  'INVALID_QUOTING',
  'INVALID_PART',
  'INVALID_HEADER_FOLDING',
  'FILE_LIMIT_EXCEEDED',
] as const

function addArguments(tx: Transaction, list: Transaction['argsPost']): void {
  const room = Math.max(0, tx.rules.config.argumentsLimit - tx.argsGet.length)
  if (list.length > room) tx.bodyError = 'too many arguments'
  tx.argsPost = list.length > room ? list.slice(0, room) : list
}

function urlencoded(tx: Transaction): void {
  const { argumentsLimit, argumentSeparator } = tx.rules.config
  const { list, tooMany } = parseArguments(tx.bodyText, argumentsLimit, argumentSeparator)
  addArguments(tx, list)
  if (tooMany) tx.bodyError = 'too many arguments'
  if (hasBadEscape(tx.bodyText)) tx.badEscape = true
}

function json(tx: Transaction): void {
  const { jsonDepth, argumentsLimit } = tx.rules.config
  const limits: JsonLimits = { depth: jsonDepth, values: argumentsLimit }
  const { list, error } = parseJson(tx.bodyText, limits)
  addArguments(tx, list)
  if (error !== undefined) tx.bodyError = `JSON parsing error: ${error.message}`
}

function multipart(tx: Transaction): void {
  const { argumentsLimit, fileLimit } = tx.rules.config
  const content = parseMultipart(tx.header('content-type') ?? '', tx.bodyText, {
    parts: argumentsLimit,
    files: fileLimit,
  })
  tx.multipart = content
  tx.files = content.files
  addArguments(tx, content.fields)
  tx.multipartStrictError = content.error !== undefined || STRICT.some((name) => content.flags.has(name))
  if (content.error !== undefined) tx.bodyError = `Multipart parsing error: ${content.error.message}`
}

function xml(tx: Transaction): void {
  const mode = tx.xmlArguments
  // One more than are taken, to tell that there were more.
  const content = parseXml(tx.bodyText, mode === 'Off' ? 0 : tx.rules.config.argumentsLimit + 1)
  addArguments(tx, content.elements)
  // Attributes are no arguments, so they stay where rules look for them.
  tx.xml = mode === 'OnlyArgs' ? { ...content, text: '' } : content
  if (content.error !== undefined) tx.bodyError = `XML parsing error: ${content.error.message}`
}

const PROCESSORS: Record<string, (tx: Transaction) => void> = {
  URLENCODED: urlencoded,
  JSON: json,
  MULTIPART: multipart,
  XML: xml,
}

/** Names that `ctl:requestBodyProcessor` takes. */
export const PROCESSOR_NAMES: readonly string[] = Object.keys(PROCESSORS)

/**
 * Fills the variables that come from the body.
 * @returns a refusal when the body is over the limit and the rules say so
 */
export function processRequestBody(tx: Transaction): Verdict | undefined {
  const body = tx.rawBody
  if (body === undefined || body.length === 0 || !tx.wantsRequestBody) return undefined
  const { config } = tx.rules
  const noFiles = tx.processor === 'MULTIPART' ? Number.POSITIVE_INFINITY : config.requestBodyNoFilesLimit
  const limit = Math.min(tx.requestBodyLimit, noFiles)
  tx.bodyOverLimit = body.length > limit
  tx.bodyText = body.toString('latin1', 0, Math.min(limit, body.length))
  PROCESSORS[tx.processor]?.(tx)
  const raw = tx.processor === 'URLENCODED' || (tx.processor === '' && tx.forceBodyVariable)
  if (raw || tx.rules.reading.everyBody) tx.requestBodyVariable = tx.bodyText
  return tx.bodyOverLimit && config.requestBodyLimitAction === 'Reject' ? REFUSED : undefined
}
