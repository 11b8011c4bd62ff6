import type { RedactConfig } from './config.ts'

/** What stands in place of a secret. */
export const REDACTED = '[redacted]'

const HEADERS = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'api-key',
  'apikey',
  'x-auth-token',
  'x-access-token',
  'x-csrf-token',
  'x-xsrf-token',
  'x-amz-security-token',
  'x-goog-api-key',
  'x-forwarded-client-cert',
]

/** Parts of the names of parameters, cookies and body fields that carry secrets. */
const SECRET_NAME =
  /token|secret|passw|pwd|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|credential|jwt|bearer|session|signature|assertion|^(?:auth|authorization|code|key|sig|sid|otp|pin|cvv|cvc|ssn|card|card[-_]?number|iban)$/i

/**
 * Hides secrets. Header, query, cookie and body names that usually carry them are always hidden; the configuration
 * adds others, and so do the names that other components read credentials from.
 */
export class Redaction {
  readonly #headers: Set<string>
  readonly #names: { query: Set<string>; cookies: Set<string>; body: Set<string> }

  constructor(config: RedactConfig = {}) {
    const lower = (list: readonly string[] = []): Set<string> => new Set(list.map((name) => name.toLowerCase()))
    this.#headers = lower([...HEADERS, ...(config.headers ?? [])])
    this.#names = { query: lower(config.query), cookies: lower(config.cookies), body: lower(config.body) }
  }

  /** A name that some component reads a credential from, wherever it may stand. */
  addCredential(name: string): void {
    const lower = name.toLowerCase()
    this.#headers.add(lower)
    for (const names of Object.values(this.#names)) names.add(lower)
  }

  /** @param name in lower case. */
  hidesHeader(name: string): boolean {
    return this.#headers.has(name)
  }

  hidesQuery(name: string): boolean {
    return this.#names.query.has(name.toLowerCase()) || SECRET_NAME.test(name)
  }

  hidesCookie(name: string): boolean {
    return this.#names.cookies.has(name.toLowerCase()) || SECRET_NAME.test(name)
  }

  hidesField(name: string): boolean {
    return this.#names.body.has(name.toLowerCase()) || SECRET_NAME.test(name)
  }

  /** A header's value as it may be written. @param name in lower case. */
  header(name: string, value: string): string {
    if (this.#headers.has(name)) return REDACTED
    return name === 'referer' || name === 'location' || name === 'content-location' ? this.url(value) : value
  }

  /**
   * A query (or a form body) without its secrets; names are compared decoded, so that `to%6ben` is `token`.
   *
   * @param hidden further names, decoded: those that a component hides from the upstream.
   */
  query(
    text: string,
    hidden?: ReadonlySet<string>,
    hides: (name: string) => boolean = (name) => this.hidesQuery(name),
  ): string {
    let result = ''
    let from = 0
    while (from <= text.length) {
      let end = text.indexOf('&', from)
      if (end === -1) end = text.length
      const pair = text.slice(from, end)
      const equals = pair.indexOf('=')
      const name = decoded(equals === -1 ? pair : pair.slice(0, equals))
      const hide = equals !== -1 && (hides(name) || hidden?.has(name) === true)
      result += (from === 0 ? '' : '&') + (hide ? `${pair.slice(0, equals)}=${REDACTED}` : pair)
      from = end + 1
    }
    return result
  }

  /** A URL without the secrets of its query and its user part. */
  url(text: string): string {
    const mark = text.indexOf('?')
    const base = mark === -1 ? text : text.slice(0, mark)
    const at = base.includes('@') ? base.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, `$1${REDACTED}@`) : base
    if (mark === -1) return at
    const hash = text.indexOf('#', mark)
    const query = hash === -1 ? text.slice(mark + 1) : text.slice(mark + 1, hash)
    return `${at}?${this.query(query)}`
  }
}

function decoded(name: string): string {
  if (!name.includes('%') && !name.includes('+')) return name
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}

/** Fields of other components' blocks that say where a credential stands. */
const CREDENTIAL_FIELDS = [
  'identifier',
  'auth_header_name',
  'cookie_key',
  'header_name',
  'header_names',
  'uri_param_names',
]

/** The names that a block of an authentication component reads credentials from. */
export function credentialNames(block: unknown): string[] {
  if (typeof block !== 'object' || block === null) return []
  const fields = block as Record<string, unknown>
  return CREDENTIAL_FIELDS.flatMap((field) => fields[field] ?? []).filter((name) => typeof name === 'string')
}
