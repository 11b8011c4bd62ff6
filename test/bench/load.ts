import net from 'node:net'
import tls from 'node:tls'

/** What is asked for, again and again. */
export interface BenchRequest {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body?: string
  /** Expected status. Default 200. */
  status?: number
  /** Speak TLS; certificates are not verified here. */
  tls?: boolean
}

const CONNECTIONS = 50

/**
 * A closed loop over keep-alive connections, on bare sockets: the generator shares the machine with what it measures,
 * so it must cost little. Responses need a Content-Length.
 */
export async function load(
  port: number,
  request: BenchRequest,
  seconds: number,
): Promise<{ requests: number; wrong: number }> {
  const bytes = encode(request)
  const expected = `HTTP/1.1 ${request.status ?? 200}`
  const result = { requests: 0, wrong: 0 }
  const end = performance.now() + seconds * 1000
  await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      client(() => connect(port, request.tls === true), bytes, expected, end, result),
    ),
  )
  return result
}

function connect(port: number, secure: boolean): net.Socket {
  return secure ? tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false }) : net.connect(port, '127.0.0.1')
}

function client(
  open: () => net.Socket,
  bytes: Buffer,
  expected: string,
  end: number,
  result: { requests: number; wrong: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = open()
    let received = ''
    socket.setNoDelay(true)
    socket.setEncoding('latin1')
    socket.on(socket instanceof tls.TLSSocket ? 'secureConnect' : 'connect', () => socket.write(bytes))
    socket.on('error', reject)
    socket.on('close', () => resolve())
    socket.on('data', (chunk: string) => {
      received += chunk
      const head = received.indexOf('\r\n\r\n')
      if (head === -1) return
      const length = /content-length: *([0-9]+)/i.exec(received.slice(0, head))
      const chunked = length === null && /transfer-encoding: *chunked/i.test(received.slice(0, head))
      const whole = chunked ? received.endsWith('0\r\n\r\n') : received.length >= head + 4 + Number(length?.[1] ?? 0)
      if (!whole) return
      result.requests++
      if (!received.startsWith(expected)) result.wrong++
      received = ''
      if (performance.now() < end) socket.write(bytes)
      else socket.end()
    })
  })
}

function encode({ method, path, headers, body }: BenchRequest): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}\r\n`)
  return Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: bench.test\r\n${lines.join('')}\r\n${body ?? ''}`)
}
