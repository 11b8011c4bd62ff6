import type { IncomingMessage } from 'node:http'
import { isRepeated } from '@portcullis/core'

/** 253 characters of host, brackets of an IPv6 address, a colon and five digits: more is no host. */
const MAX_HOST = 261
const HOST = /^(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i

/** Is it host, or host and port, as a client may send them? Lower case is expected. */
export function isHost(text: string): boolean {
  return text.length <= MAX_HOST && HOST.test(text)
}

/** Host and port of a text that {@link isHost}. */
export function splitHost(host: string): { name: string; port: string | undefined } {
  const colon = host.indexOf(':', host.startsWith('[') ? host.indexOf(']') : 0)
  return colon === -1 ? { name: host, port: undefined } : { name: host.slice(0, colon), port: host.slice(colon + 1) }
}

/**
 * The one host that a request is for, in lower case (RFC 9112 section 3.2, RFC 9113 section 8.3.1): the authority of
 * the target where it has one, else the Host header.
 *
 * @returns '' when the request names none; undefined when it contradicts itself: more than one Host header, or a
 *   target whose authority is not what Host says.
 */
export function effectiveHost(message: Pick<IncomingMessage, 'headers' | 'rawHeaders' | 'url'>): string | undefined {
  const { headers, rawHeaders, url = '/' } = message
  if (isRepeated(rawHeaders, 'host')) return undefined
  const host = headers.host?.toLowerCase()
  let authority = (headers[':authority'] as string | undefined)?.toLowerCase()
  if (url[0] !== '/' && url !== '*') {
    const absolute = ABSOLUTE.exec(url)
    if (absolute === null) return undefined
    authority = absolute[1]!.toLowerCase()
  }
  if (authority === undefined) return host ?? ''
  return host === undefined || host === authority ? authority : undefined
}

/** Path and query of a request's target, also of one in absolute form. */
export function pathAndQuery(url: string): string {
  if (url[0] === '/') return url
  const absolute = ABSOLUTE.exec(url)
  const rest = absolute === null ? '' : url.slice(absolute[0].length)
  return rest[0] === '/' ? rest : `/${rest}`
}
