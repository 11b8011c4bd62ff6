import http from 'node:http'
import net from 'node:net'

/** One kind of request, how often it comes, and the statuses that it may get. */
export interface Kind {
  what: string
  weight: number
  status: readonly number[]
  method?: string
  path: string
  headers?: Record<string, string>
  body?: string
}

const any = (): number => Math.floor(Math.random() * 250)

/** Traffic of all kinds: served, refused by each component in turn, failing, malformed. */
export const kinds: readonly Kind[] = [
  { what: 'ordinary', weight: 50, status: [200], path: '/users/7?page=2&voucher=SECRET-VOUCHER' },
  { what: 'a head', weight: 3, status: [200], method: 'HEAD', path: '/users/8' },
  { what: 'a body', weight: 5, status: [200], method: 'POST', path: '/users/9', body: '{"name":"Ann"}' },
  {
    what: 'with a key',
    weight: 10,
    status: [200, 429],
    path: '/orders',
    headers: { 'x-key': 'key-of-the-example-shop' },
  },
  { what: 'without a key', weight: 4, status: [401, 429], path: '/orders' },
  { what: 'a wrong key', weight: 2, status: [401, 429], path: '/orders', headers: { 'x-key': 'SECRET-GUESS' } },
  { what: 'slow', weight: 4, status: [200], path: '/slow' },
  { what: 'a backend that fails', weight: 3, status: [500, 503], path: '/flaky' },
  {
    what: 'a denied network',
    weight: 6,
    status: [403],
    path: '/users/1',
    headers: { 'x-forwarded-for': '198.51.100.$' },
  },
  { what: 'a bot', weight: 4, status: [403], path: '/users/1', headers: { 'user-agent': 'Scrapy/2.11' } },
  { what: 'SQL in a parameter', weight: 4, status: [403], path: "/users/1?q=1'%20or%20'1'='1'--" },
  { what: 'a script in a parameter', weight: 3, status: [403], path: '/users/1?q=%3Cscript%3Ealert(1)%3C/script%3E' },
  { what: 'a path that is not there, without a key', weight: 3, status: [401], path: '/wp-login.php' },
  {
    what: 'a body that is too large',
    weight: 2,
    status: [413],
    method: 'POST',
    path: '/users/1',
    body: 'x'.repeat(20_000),
  },
  { what: 'a URL that cannot be read', weight: 1, status: [400], path: '/users/%E0%A4%A' },
]

/** Sends one request; resolves with its status. */
export function sendOne(kind: Kind, gateway: URL, agent: http.Agent): Promise<number> {
  const headers: Record<string, string> = {
    'user-agent': 'Mozilla/5.0 (example)',
    accept: '*/*',
    'x-forwarded-for': `203.0.113.${any() % 40}`,
    ...kind.headers,
  }
  for (const [name, value] of Object.entries(headers)) headers[name] = value.replace('$', String(any() % 6))
  if (kind.body !== undefined) {
    headers['content-type'] = 'application/json'
    headers['content-length'] = String(Buffer.byteLength(kind.body))
  }
  return new Promise((resolve, reject) => {
    const options = {
      host: gateway.hostname,
      port: gateway.port,
      path: kind.path,
      method: kind.method ?? 'GET',
      headers,
      agent,
    }
    const request = http.request(options, (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode ?? 0))
    })
    request.once('error', reject)
    request.end(kind.body)
  })
}

/** What no HTTP client would send: it never becomes a request. */
export function sendGarbage(gateway: URL): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(Number(gateway.port), gateway.hostname, () =>
      socket.write('\u0016\u0003\u0001 no HTTP\r\n\r\n'),
    )
    let answer = ''
    socket.on('data', (data) => {
      answer += data.toString()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(answer.slice(9, 12)))
  })
}

/** A client that asks and goes away. */
export function sendAndLeave(gateway: URL): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(Number(gateway.port), gateway.hostname, () => {
      socket.write('GET /slow HTTP/1.1\r\nHost: gateway\r\nUser-Agent: impatient\r\n\r\n')
      setTimeout(() => socket.destroy(), 40)
    })
    socket.on('close', () => resolve())
  })
}

/** A kind by chance, as often as its weight says. */
export function pick(): Kind {
  let left = Math.random() * kinds.reduce((sum, { weight }) => sum + weight, 0)
  for (const kind of kinds) {
    left -= kind.weight
    if (left < 0) return kind
  }
  return kinds[0]!
}
