/** What of a request may be shown in records and logs. */

const MASK = '[redacted]'
const MAX_SHOWN = 120

/** Names whose values are secrets, whatever the configuration says; folded. */
const SECRET = [
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  'xapikey',
  'apikey',
  'xauthtoken',
  'xcsrftoken',
  'password',
  'passwd',
  'passphrase',
  'pwd',
  'secret',
  'clientsecret',
  'token',
  'accesstoken',
  'refreshtoken',
  'idtoken',
  'sessionid',
  'jwt',
  'privatekey',
  'creditcard',
  'cardnumber',
  'cvv',
  'cvc',
  'ssn',
]

/** Variables of which single values are shown, by name of the member. */
const NAMED = new Set(['ARGS', 'ARGS_GET', 'ARGS_POST', 'REQUEST_HEADERS', 'RESPONSE_HEADERS'])
/** Variables that hold names, numbers or addresses only. */
const PLAIN =
  /^(?:&.*|ARGS(?:_GET|_POST)?_NAMES(?::.*)?|ARGS_COMBINED_SIZE|FILES\w*(?::.*)?|REQUEST_HEADERS_NAMES(?::.*)?|REQUEST_COOKIES_NAMES(?::.*)?|RESPONSE_HEADERS_NAMES(?::.*)?|REQUEST_METHOD|REQUEST_PROTOCOL|REQUEST_FILENAME|REQUEST_BASENAME|REMOTE_ADDR|REMOTE_PORT|SERVER_\w+|RESPONSE_STATUS|STATUS|REQBODY_\w+|MULTIPART_\w+|DURATION|MULTIPART_PART_HEADERS(?::.*)?)$/
/** Variables that hold a query string: its secret pairs are masked. */
const QUERIES = /^(?:REQUEST_URI|REQUEST_URI_RAW|REQUEST_LINE|QUERY_STRING)$/
const NUMBER = /^-?[0-9]{1,12}$/

/** Shows matched values without secrets: cookies never, other values by their names, whole bodies not at all. */
export class Redaction {
  readonly #secret: ReadonlySet<string>

  /** @param more names of arguments, headers and cookies, beside the usual ones. */
  constructor(more: readonly string[] = []) {
    this.#secret = new Set([...SECRET, ...more.map(fold)])
  }

  /** Is the value of an argument, header or cookie of this name a secret? Looks at each part of `json.user.password`. */
  isSecret(name: string): boolean {
    if (this.#secret.has(fold(name))) return true
    return name.split(/[.[\]:]/).some((part) => part !== '' && this.#secret.has(fold(part)))
  }

  /**
   * A matched value as it may be shown: masked, cut, bytes outside printable ASCII escaped.
   *
   * @param variable name of the value, as `ARGS:q`.
   */
  shown(variable: string, value: string): string {
    if (!this.mayShow(variable) && !NUMBER.test(value)) return MASK
    return printable(
      QUERIES.test(variable) || variable.toLowerCase().endsWith(':referer') ? this.maskPairs(value) : value,
    )
  }

  /** May the value of a variable be shown? */
  mayShow(variable: string): boolean {
    if (QUERIES.test(variable) || PLAIN.test(variable)) return true
    const colon = variable.indexOf(':')
    if (colon === -1 || !NAMED.has(variable.slice(0, colon))) return false
    const name = variable.slice(colon + 1)
    return !this.isSecret(name)
  }

  /** `a=1&token=…`: the values of secret names masked. */
  maskPairs(text: string): string {
    return text.replace(/([^&=?;\s]{1,200})=([^&\s]*)/g, (pair, name: string) =>
      this.isSecret(decoded(name)) ? `${name}=${MASK}` : pair,
    )
  }
}

/** Cuts a byte string and escapes what could disturb a log. */
export function printable(text: string): string {
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
  return cut.replace(/[^ -~…]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** `X-Api-Key`, `x_api_key` and `apiKey` differ in spelling only. */
function fold(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '')
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
