import dgram from 'node:dgram'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { httpTransport } from '../src/http-transport.ts'
import { ShipSink } from '../src/ship-sink.ts'
import { syslogTransport } from '../src/syslog-transport.ts'
import { until } from './support.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function sinkOf(
  transport: ReturnType<typeof httpTransport>,
  options: object = {},
): { sink: ShipSink; changes: boolean[] } {
  const changes: boolean[] = []
  const onChange = (available: boolean) => changes.push(available)
  const sink = new ShipSink(transport, { flushInterval: 5, queueSize: 100, batch: 10, onChange, ...options })
  closers.push(() => sink.close())
  return { sink, changes }
}

async function collector(
  answer: (count: number) => number,
): Promise<{ url: string; bodies: string[]; types: unknown[] }> {
  const bodies: string[] = []
  const types: unknown[] = []
  const server = http.createServer((request, response) => {
    let body = ''
    request.on('data', (data) => {
      body += data
    })
    request.on('end', () => {
      bodies.push(body)
      types.push([request.method, request.headers['content-type'], request.headers.authorization])
      response.writeHead(answer(bodies.length)).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`, bodies, types }
}

describe('a collector by HTTP', () => {
  it('gets lines in batches', async () => {
    const { url, bodies, types } = await collector(() => 200)
    const { sink } = sinkOf(httpTransport({ url, headers: { authorization: 'Bearer x' }, timeout: 1000 }))
    for (let n = 0; n < 25; n++) sink.offer(`{"n":${n}}\n`)
    await until(() => sink.queued === 0, 'shipped')
    expect(bodies.map((body) => body.split('\n').length - 1)).toEqual([10, 10, 5])
    expect(types[0]).toEqual(['POST', 'application/x-ndjson', 'Bearer x'])
  })

  it('gets a batch again that it did not take; lines beyond the queue are dropped and counted', async () => {
    const { url, bodies } = await collector((count) => (count === 1 ? 503 : 204))
    const { sink, changes } = sinkOf(httpTransport({ url, headers: {}, timeout: 1000 }), { queueSize: 5 })
    for (let n = 0; n < 8; n++) sink.offer(`{"n":${n}}\n`)
    await until(() => changes.length === 1, 'told')
    expect([sink.available, sink.dropped, sink.queued]).toEqual([false, 3, 5])
    await until(() => sink.queued === 0, 'shipped')
    expect(bodies[1]).toBe(bodies[0])
    expect([sink.available, changes]).toEqual([true, [false, true]])
  })

  it('that never answers holds nothing up', async () => {
    const server = net.createServer(() => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { sink, changes } = sinkOf(httpTransport({ url, headers: {}, timeout: 50 }))
    sink.offer('{}\n')
    await until(() => changes.length === 1, 'given up')
    await sink.close()
    expect(sink.dropped).toBe(1)
  })
})

describe('a syslog server', () => {
  it('gets RFC 5424 messages by UDP', async () => {
    const server = dgram.createSocket('udp4')
    const messages: string[] = []
    server.on('message', (message) => messages.push(message.toString()))
    await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve))
    closers.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
    const { sink } = sinkOf(
      syslogTransport({
        host: '127.0.0.1',
        port: server.address().port,
        protocol: 'udp',
        facility: 'local4',
        appName: 'gate',
      }),
    )
    sink.offer('{"outcome":"ok"}\n')
    sink.offer('{"outcome":"refused"}\n')
    await until(() => messages.length === 2, 'both')
    expect(messages[0]).toMatch(
      /^<166>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [!-~]+ gate \d+ audit - \{"outcome":"ok"\}$/,
    )
    expect(messages[1]).toMatch(/^<165>1 /)
  })

  it('gets counted frames by TCP, and the rest after it was away', async () => {
    let received = ''
    const server = net.createServer((socket) => {
      sockets.add(socket)
      socket.on('data', (data) => {
        received += data.toString()
      })
      socket.on('error', () => undefined)
    })
    const sockets = new Set<net.Socket>()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    closers.push(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const { sink } = sinkOf(
      syslogTransport({ host: '127.0.0.1', port, protocol: 'tcp', facility: 'local0', appName: 'gate' }),
    )
    sink.offer('{"n":1}\n')
    await until(() => received !== '', 'first')
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 20))
    sink.offer('{"n":2}\n')
    await until(() => received.includes('{"n":2}'), 'second')
    const [, length, rest] = /^(\d+) ([\s\S]*)$/.exec(received)!
    expect(rest!.slice(0, Number(length))).toMatch(/^<134>1 .*\{"n":1\}$/)
  })
})
