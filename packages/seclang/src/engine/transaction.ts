/** One request and its response, fed as they come over the wire. */

import type { NamedValue } from '../body/types.ts'
import { hasBadEscape, parseArguments } from '../body/urlencoded.ts'
import { urlDecode } from '../transform/decode.ts'
import { processRequestBody } from './body.ts'
import { evaluatePhase } from './evaluate.ts'
import { TransactionState } from './state.ts'
import type { Verdict } from './verdict.ts'

/** A phase's outcome: nothing, a verdict, or a promise of them when a collection store answers later. */
export type PhaseResult = Verdict | undefined | Promise<Verdict | undefined>

/**
 * Feed it in the order of the calls below; each `phaseN` runs that phase's rules. A call may be left out when there is
 * nothing to feed. All strings are byte strings.
 */
export class Transaction extends TransactionState {
  private bodyDone = false

  /** Chooses the body processor, as `ctl:requestBodyProcessor` does. */
  setProcessor(name: string): void {
    this.processor = name
    this.forget('body')
  }

  /**
   * The request line as it came.
   * @param rawUri target as in the request line, not decoded
   * @param httpVersion `1.1` or `HTTP/1.1`
   */
  requestLine(method: string, rawUri: string, httpVersion: string): void {
    this.method = method
    this.rawUri = rawUri
    this.protocol = /^\d/.test(httpVersion) ? `HTTP/${httpVersion}` : httpVersion
    this.line = `${method} ${rawUri} ${this.protocol}`
    const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/.exec(rawUri)
    this.uri = absolute === null ? rawUri : rawUri.slice(absolute[0].length) || '/'
    const mark = this.uri.indexOf('?')
    this.path = mark < 0 ? this.uri : this.uri.slice(0, mark)
    this.fileName = urlDecode(this.path.replaceAll('+', '%2b'))
    this.query = mark < 0 ? '' : this.uri.slice(mark + 1)
    const { argumentsLimit, argumentSeparator } = this.rules.config
    const { list, tooMany } = parseArguments(this.query, argumentsLimit, argumentSeparator)
    this.argsGet = list
    if (tooMany) this.bodyError = 'too many arguments'
    this.badEscape = hasBadEscape(this.query)
    if (this.rules.reading.decodedUri) this.uri = urlDecode(this.uri.replaceAll('+', '%2b'))
  }

  /** Header names and values in turn, in wire order. */
  requestHeaders(pairs: readonly string[]): void {
    const { headers, plan } = this
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const header = plan.headers.header(i >> 1, pairs[i]!, pairs[i + 1]!)
      headers.push(header)
      if (header.low === 'cookie') addCookies(header.value, this.cookies)
      else if (header.low === 'content-type') this.chooseProcessor(header.value)
    }
  }

  private chooseProcessor(contentType: string): void {
    const type = /^[^;,\s]*/.exec(contentType)![0].toLowerCase()
    if (type === 'application/x-www-form-urlencoded') this.processor = 'URLENCODED'
    else if (type === 'multipart/form-data') this.processor = 'MULTIPART'
  }

  /** Runs the rules that look at the request line and headers. */
  phase1(): PhaseResult {
    return evaluatePhase(this, 1)
  }

  /** The request's body; what is beyond the limit is not kept. */
  requestBody(body: Buffer): void {
    this.rawBody = body
  }

  /** Whether the rules want the request's body. */
  get wantsRequestBody(): boolean {
    return this.requestBodyAccess && this.engine !== 'Off'
  }

  /** Reads the body and runs the rules that look at it. */
  phase2(): PhaseResult {
    if (!this.bodyDone) {
      this.bodyDone = true
      const refused = processRequestBody(this)
      this.forget('body')
      if (refused !== undefined && this.engine === 'On') {
        this.verdict = refused
        return refused
      }
    }
    return evaluatePhase(this, 2)
  }

  /** Status and headers of the response, names and values in turn. */
  responseHeaders(status: number, pairs: readonly string[]): void {
    this.status = String(status)
    this.responseHeaderList = toPairs(pairs)
    const type = this.responseHeaderList.find((h) => h.key.toLowerCase() === 'content-type')
    this.responseType = type?.value
    this.forget('response')
  }

  /** Runs the rules that look at the response's headers. */
  phase3(): PhaseResult {
    return evaluatePhase(this, 3)
  }

  /** Whether the rules want the response's body, by its type. */
  get wantsResponseBody(): boolean {
    if (!this.responseBodyAccess || this.engine === 'Off') return false
    const type = /^[^;\s]*/.exec(this.responseType ?? '')![0].toLowerCase()
    return this.rules.config.responseBodyMimeTypes.includes(type === '' ? 'null' : type)
  }

  /** The response's body; what is beyond the limit is not looked at. */
  responseBody(body: Buffer): void {
    this.responseOverLimit = body.length > this.responseBodyLimit
    this.responseText = body.subarray(0, this.responseBodyLimit).toString('latin1')
    this.forget('response')
  }

  /** Runs the rules that look at the response's body. */
  phase4(): PhaseResult {
    const { config } = this.rules
    if (this.responseOverLimit && config.responseBodyLimitAction === 'Reject' && this.engine === 'On') {
      this.verdict ??= { action: 'deny', status: 500, ruleId: 0, phase: 4, message: 'response body is over the limit' }
      return this.verdict
    }
    return evaluatePhase(this, 4)
  }

  /** Runs the rules for logging; they cannot interrupt any more. */
  phase5(): PhaseResult {
    return evaluatePhase(this, 5)
  }
}

function toPairs(flat: readonly string[]): NamedValue[] {
  const pairs: NamedValue[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push({ key: flat[i]!, value: flat[i + 1]! })
  return pairs
}

/** `a=1; b=2`: names lose white space around them, values are taken as they are. */
function addCookies(header: string, cookies: NamedValue[]): void {
  for (const part of header.split(';')) {
    const text = part.trimStart()
    if (text === '') continue
    const equals = text.indexOf('=')
    if (equals < 0) cookies.push({ key: text, value: '' })
    else cookies.push({ key: text.slice(0, equals), value: text.slice(equals + 1) })
  }
}
