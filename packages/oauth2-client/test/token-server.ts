import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** What a token request said. */
export interface TokenRequest {
  authorization: string | undefined
  fields: URLSearchParams
}

type Answer = (response: ServerResponse, count: number) => void

/** An authorization server that answers as the test wants. */
export class TokenServer {
  readonly requests: TokenRequest[] = []
  answer: Answer = (response, count) =>
    json(response, { access_token: `token-${count}`, token_type: 'Bearer', expires_in: 3600 })
  readonly #server = createServer((request, response) => void this.#handle(request, response))

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return this
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}/token`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    this.requests.push({ authorization: request.headers.authorization, fields: new URLSearchParams(body) })
    this.answer(response, this.requests.length)
  }
}

/** Answers with JSON. */
export function json(
  response: ServerResponse,
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}
