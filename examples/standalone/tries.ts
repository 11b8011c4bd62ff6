/** One thing to try: a curl command and the status that it gets. */
export interface Try {
  what: string
  /** curl's arguments, without the URL's origin: `$` stands for it. */
  args: string[]
  status: number
}

const BIG = 'x'.repeat(2000)

/** For each function of the example one request that passes and one that is refused. */
export const tries: readonly Try[] = [
  {
    what: 'proxied: /users/7 is /u/7 of the backend, ?page passes and ?debug does not',
    args: ['$/users/7?page=2&debug=1'],
    status: 200,
  },
  { what: 'path guard: no way out of /files/', args: ['--path-as-is', '$/files/..%2f..%2fsecret'], status: 400 },
  { what: 'allowed host', args: ['-H', 'Host: api.example.com', '$/users/7'], status: 200 },
  { what: 'any other host', args: ['-H', 'Host: evil.example', '$/users/7'], status: 421 },
  {
    what: 'security headers, with HSTS since the trusted proxy says https',
    args: ['-i', '-H', 'X-Forwarded-Proto: https', '$/users/7'],
    status: 200,
  },
  {
    what: 'CORS preflight of an allowed origin',
    args: [
      '-i',
      '-X',
      'OPTIONS',
      '-H',
      'Origin: https://app.example.com',
      '-H',
      'Access-Control-Request-Method: GET',
      '$/users/7',
    ],
    status: 204,
  },
  {
    what: 'CORS preflight for a path that does not exist',
    args: [
      '-i',
      '-X',
      'OPTIONS',
      '-H',
      'Origin: https://app.example.com',
      '-H',
      'Access-Control-Request-Method: GET',
      '$/nowhere',
    ],
    status: 404,
  },
  {
    what: 'an address that is allowed, told by the trusted proxy',
    args: ['-H', 'X-Forwarded-For: 10.0.0.7', '$/users/7'],
    status: 200,
  },
  { what: 'an address that is denied', args: ['-H', 'X-Forwarded-For: 10.0.0.42', '$/users/7'], status: 403 },
  { what: 'an ordinary user agent', args: ['-A', 'Mozilla/5.0', '$/users/7'], status: 200 },
  { what: 'a bot', args: ['-A', 'BadBot/1.0', '$/users/7'], status: 403 },
  { what: 'a body within the limit', args: ['-d', 'q=1', '$/query'], status: 200 },
  { what: 'a body beyond the limit of /query (1K)', args: ['-d', BIG, '$/query'], status: 413 },
]

/** The command as one would type it. */
export function commandOf(one: Try, origin: string): string {
  const words = one.args.map((word) => {
    const text = word.startsWith('$') ? origin + word.slice(1) : word
    if (text === BIG) return `"$(printf 'x%.0s' $(seq 2000))"`
    return /^[\w./:@=-]+$/.test(text) ? text : `'${text}'`
  })
  return `curl -s ${words.join(' ')}`
}
