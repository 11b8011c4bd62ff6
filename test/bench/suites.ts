import type { BenchRequest } from './load.ts'
import { makeToken } from './tokens.ts'

/** Contestants that do the same work; ratios are to the first. */
export interface Suite {
  title: string
  contestants: readonly string[]
  request: BenchRequest
}

/** What a browser sends. */
const BROWSER: Record<string, string> = {
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36',
  Accept: 'application/json, text/plain, */*',
  'Accept-Language': 'en-GB,en;q=0.9,de;q=0.8',
  'Accept-Encoding': 'gzip, deflate, br',
  Origin: 'https://app.example.com',
  Referer: 'https://app.example.com/users',
  'Sec-Fetch-Dest': 'empty',
  'Sec-Fetch-Mode': 'cors',
  'Sec-Fetch-Site': 'same-site',
  Cookie: 'theme=dark; consent=yes',
}

const GET: BenchRequest = { method: 'GET', path: '/api/users?page=2', headers: BROWSER }
const POST: BenchRequest = {
  method: 'POST',
  path: '/api/users',
  headers: { ...BROWSER, 'Content-Type': 'application/json' },
  body: JSON.stringify({ name: 'Ada', tags: ['a', 'b'], text: 'x'.repeat(960) }),
}

const WITH_TOKEN: BenchRequest = { ...GET, headers: { ...BROWSER, Authorization: `Bearer ${await makeToken('ada')}` } }

/** The suites by name. */
export const suites: Record<string, Suite> = {
  proxy: {
    title: 'a proxied GET: hosts, headers, CORS, IP lists, bots, limits on; goal: portcullis at most 1.25',
    contestants: ['reply-from', 'raw-undici', 'fastify-plugins', 'portcullis-bare', 'portcullis'],
    request: GET,
  },
  'proxy-post': {
    title: 'a proxied POST of 1 KB, the same functions on',
    contestants: ['reply-from', 'raw-undici', 'fastify-plugins', 'portcullis-bare', 'portcullis'],
    request: POST,
  },
  full: {
    title: 'a proxied GET with everything on but the WAF; goal: no more than the bare proxy',
    contestants: ['reply-from', 'raw-undici', 'portcullis-bare', 'portcullis-full'],
    request: WITH_TOKEN,
  },
  jwt: {
    title: 'a token seen before (the cost of a new one is in `pnpm bench tokens`)',
    contestants: ['reply-from', 'fastify-jwt', 'portcullis-bare', 'portcullis-jwt'],
    request: WITH_TOKEN,
  },
  limits: {
    title: 'rate limits in memory and in Redis (the gateway process alone) beside plain @fastify/rate-limit',
    contestants: [
      'reply-from',
      'fastify-rate-limit',
      'portcullis-bare',
      'limit-window',
      'limit-windows',
      'limit-bucket',
      'limit-redis',
    ],
    request: GET,
  },
  tls: {
    title: 'TLS 1.3 on kept connections',
    contestants: ['tls-raw', 'tls-portcullis'],
    request: { ...GET, tls: true },
  },
  telemetry: {
    title: 'audit log and metrics',
    contestants: ['portcullis-bare', 'portcullis-audit', 'portcullis-metrics'],
    request: GET,
  },
}
