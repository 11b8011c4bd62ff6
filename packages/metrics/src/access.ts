import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isLoopback } from './config.ts'

/** What a request to the dashboard may do. */
export type Verdict =
  /** `cookie` is to be set: the visitor told the token. */
  { allowed: true; cookie?: string } | { allowed: false; status: 401 | 421 }

const COOKIE = 'portcullis_dashboard'

/**
 * Who may see the dashboard: who knows the token, as a bearer token, as the password of HTTP Basic (what browsers ask
 * for by themselves) or in the query. A browser gets a cookie then, which is not the token: cookies of one host go to
 * every port.
 */
export class Access {
  readonly #token: Buffer
  readonly #session: string

  constructor(token: string) {
    this.#token = digest(token)
    this.#session = createHmac('sha256', randomBytes(32)).update('session').digest('base64url')
  }

  judge(request: IncomingMessage): Verdict {
    // A page of another site could reach us under its own name, once that name leads to this machine (DNS rebinding).
    if (!isLoopback(hostOf(request.headers.host))) return { allowed: false, status: 421 }
    if (this.#knows(cookieOf(request.headers.cookie), this.#session)) return { allowed: true }
    const told = tokenOf(request)
    if (told === undefined || !timingSafeEqual(digest(told), this.#token)) return { allowed: false, status: 401 }
    return { allowed: true, cookie: `${COOKIE}=${this.#session}; HttpOnly; SameSite=Strict; Path=/` }
  }

  #knows(told: string | undefined, expected: string): boolean {
    return told !== undefined && timingSafeEqual(digest(told), digest(expected))
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function hostOf(header: string | undefined): string | undefined {
  return header
    ?.replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
}

function cookieOf(header: string | undefined): string | undefined {
  const pair = header?.split(';').find((part) => part.trim().startsWith(`${COOKIE}=`))
  return pair?.trim().slice(COOKIE.length + 1)
}

function tokenOf({ headers: { authorization }, url = '' }: IncomingMessage): string | undefined {
  const [scheme = '', value = ''] = authorization?.split(' ', 2) ?? []
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme.toLowerCase() === 'basic') {
    const pair = Buffer.from(value, 'base64').toString('utf8')
    return pair.slice(pair.indexOf(':') + 1)
  }
  const mark = url.indexOf('?')
  return mark === -1 ? undefined : (new URLSearchParams(url.slice(mark + 1)).get('token') ?? undefined)
}
