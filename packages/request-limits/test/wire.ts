import { type AddressInfo, connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** What came back on a connection until it was closed, or until the wanted text was seen. */
export interface Answer {
  text: string
  status: number
  /** Milliseconds from the first byte sent. */
  after: number
  closed: boolean
}

/** Listens on a free port of 127.0.0.1. */
export async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

/**
 * Sends bytes as they are and collects the answer.
 *
 * @param drip further pieces, one every `every` milliseconds.
 */
export function exchange(
  port: number,
  first: string,
  options: { drip?: readonly (string | Buffer)[]; every?: number; until?: RegExp; timeout?: number } = {},
): Promise<Answer> {
  const { drip = [], every = 20, until, timeout = 8000 } = options
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1')
    const started = performance.now()
    let text = ''
    let next = 0
    const timer = setInterval(() => {
      if (next < drip.length && !socket.destroyed) socket.write(drip[next++]!)
    }, every)
    const finish = (closed: boolean): void => {
      clearInterval(timer)
      clearTimeout(deadline)
      socket.destroy()
      resolve({ text, status: Number(text.slice(9, 12)), after: performance.now() - started, closed })
    }
    const deadline = setTimeout(() => finish(false), timeout)
    socket.on('data', (data) => {
      text += data.toString('latin1')
      if (until?.test(text) === true) finish(false)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => finish(true))
    socket.write(first)
  })
}

/** A request's head. */
export function head(line: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries({ host: 'gw.test', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n`
}
