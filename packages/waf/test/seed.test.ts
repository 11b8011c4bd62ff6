/** The rules of the gateway article that this project began with, with their damaged text made whole. */
import { afterAll, describe, expect, it } from 'vitest'
import { fired, makeApp } from './app.ts'

const RULES = String.raw`
# Block SQL injection patterns
SecRule REQUEST_URI "@rx (?i:(?:union[\s]+select|select[\s]+from))" \
    "id:1000,deny,status:403,msg:'SQL Injection blocked'"
# Block common XSS attempts
SecRule ARGS "@rx <script[^>]*>" \
    "id:1001,deny,status:403,msg:'XSS blocked'"
# Rate limit login attempts
SecRule IP:LOGIN_ATTEMPT "@gt 5" \
    "id:1002,deny,status:429,msg:'Brute force blocked'"
# What counts them
SecAction "id:1003,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR}"
SecRule REQUEST_URI "@beginsWith /login" "id:1004,phase:1,nolog,pass,setvar:ip.login_attempt=+1,expirevar:ip.login_attempt=60"
`

describe('the rules of the article', async () => {
  const { app, decisions } = await makeApp({ rules: RULES })
  afterAll(() => app.close())

  it.each([
    ['/?id=1%20union%20select%20password', 1000],
    ['/?id=1+UNION++SELECT+2', 1000],
    ['/?q=select%0afrom', 1000],
    ['/?q=%3Cscript%20src=x%3E', 1001],
  ])('%s is refused by rule %i', async (url, rule) => {
    decisions.length = 0
    const answer = await app.inject(url)
    expect(answer.statusCode).toBe(403)
    expect(fired(decisions)).toEqual([rule])
    expect(answer.json().code).toBe('PORTCULLIS_WAF_BLOCKED')
  })

  it('the body shows the request’s id and nothing of the rules', async () => {
    const answer = await app.inject('/?q=%3Cscript%3E')
    expect(Object.keys(answer.json()).sort()).toEqual(['code', 'error', 'message', 'statusCode'])
    expect(answer.json().message).toMatch(/^The request was refused \(request id \S+\)$/)
    expect(answer.body).not.toMatch(/XSS|1001|script/)
  })

  it('the sixth attempt to log in is the last, for that address only', async () => {
    const login = (remoteAddress: string) =>
      app.inject({ method: 'POST', url: '/login', remoteAddress, payload: { a: 1 } })
    const statuses: number[] = []
    for (let i = 0; i < 7; i++) statuses.push((await login('192.0.2.1')).statusCode)
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429])
    expect((await login('192.0.2.2')).statusCode).toBe(200)
  })

  it('is found in forms and JSON too', async () => {
    const form = await app.inject({
      method: 'POST',
      url: '/',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'a=1&q=%3Cscript%3E',
    })
    const json = await app.inject({ method: 'POST', url: '/', payload: { deep: { q: ['<script>'] } } })
    expect([form.statusCode, json.statusCode]).toEqual([403, 403])
  })

  it('lets others pass', async () => {
    expect((await app.inject('/?id=union&q=select')).statusCode).toBe(200)
  })
})
