import { existsSync, readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One response as it came over the wire. */
export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  body: string
}

/** What is sent. */
export interface Question {
  method?: string
  path?: string
  headers?: http.OutgoingHttpHeaders
  body?: string | Buffer
  /** PEM of the CA that must vouch for the gateway; without it the request is plain HTTP. */
  ca?: string
  /** Server name of TLS. */
  servername?: string
}

/** Sends one request on a connection of its own. */
export function send(port: number, question: Question = {}): Promise<Answer> {
  const { method = 'GET', path = '/', headers = {}, body, ca, servername } = question
  return new Promise((settle, reject) => {
    const options = { host: '127.0.0.1', port, method, path, headers, agent: false as const }
    const request =
      ca === undefined ? http.request(options) : https.request({ ...options, ca, ...(servername && { servername }) })
    request.once('error', reject)
    request.once('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.once('error', reject)
      response.once('end', () => settle({ status: response.statusCode!, headers: response.headers, body: text }))
    })
    request.end(body)
  })
}

/** Status and code of an answer. */
export function verdict({ status, body }: Answer): [status: number, code: string | undefined] {
  let code: string | undefined
  try {
    code = (JSON.parse(body) as { code?: string }).code
  } catch {}
  return [status, code]
}

/** The text of a seed document; undefined, with a notice, where the folder beside the repository is absent. */
export function seedText(name: string): string | undefined {
  const file = resolve(fileURLToPath(import.meta.url), '../../../../shared/seeds', name)
  if (existsSync(file)) return readFileSync(file, 'utf8')
  console.warn(`${name} is not there: its fields are not compared with the test's`)
  return undefined
}
