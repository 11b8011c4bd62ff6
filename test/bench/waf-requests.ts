/** Benign requests as browsers and apps send them, with values that differ from one to the next. */

/** One kind of request. */
export interface RequestKind {
  name: string
  title: string
  /** So many different ones. */
  requests: (count: number) => Buffer[]
}

const WORDS =
  'tea garden river winter paper bridge silver morning window island forest letter market summer harbour copper'.split(
    ' ',
  )
const word = (i: number): string => WORDS[i % WORDS.length]!
/** A text of words, different for each seed. */
const text = (seed: number, words: number): string =>
  Array.from({ length: words }, (_, k) => `${word(seed * 7 + k * 5)}${(seed * 31 + k) % 97}`).join(' ')

/** Twelve with Host. */
function head(method: string, path: string, i: number, more: string[] = []): string {
  return [
    `${method} ${path} HTTP/1.1`,
    'Host: bench.test',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36',
    'Accept: application/json, text/plain, */*',
    'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
    'Accept-Encoding: gzip, deflate, br',
    'Origin: https://app.example.com',
    `Referer: https://app.example.com/${word(i)}/${i}`,
    'Sec-Fetch-Dest: empty',
    'Sec-Fetch-Mode: cors',
    'Sec-Fetch-Site: same-site',
    `Cookie: theme=dark; consent=yes; visit=${(i * 2654435761).toString(36)}`,
    ...(more.length > 0 ? more : ['Cache-Control: no-cache']),
    '',
    '',
  ].join('\r\n')
}

function withBody(i: number, type: string, body: string): Buffer {
  return Buffer.from(
    head('POST', '/api/users', i, [`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`]) + body,
  )
}

function json(i: number): string {
  const items = Array.from({ length: 6 }, (_, k) => ({
    id: i * 10 + k,
    name: text(i + k, 2),
    price: ((i * 37 + k * 113) % 9999) / 100,
    note: text(i * 3 + k, 5),
    active: k % 2 === 0,
  }))
  return JSON.stringify({ customer: text(i, 2), city: word(i), items, comment: text(i * 5, 12) })
}

function form(i: number): string {
  const fields = Array.from({ length: 16 }, (_, k) => [`field${k}`, text(i * 11 + k, 6)])
  return new URLSearchParams(fields as [string, string][]).toString().slice(0, 1100)
}

const many = (make: (i: number) => Buffer) => (count: number) => Array.from({ length: count }, (_, i) => make(i + 1))

/** The three requests whose cost is the goal of the WAF. */
export const kinds: readonly RequestKind[] = [
  {
    name: 'get',
    title: 'GET, 3 parameters, 12 headers',
    requests: many((i) =>
      Buffer.from(head('GET', `/api/users?page=${i}&sort=${word(i)}&q=${encodeURIComponent(text(i, 2))}`, i)),
    ),
  },
  {
    name: 'json',
    title: 'POST of 1 KB JSON',
    requests: many((i) => withBody(i, 'application/json', json(i))),
  },
  {
    name: 'form',
    title: 'POST of a 1 KB form, 16 fields',
    requests: many((i) => withBody(i, 'application/x-www-form-urlencoded', form(i))),
  },
]
