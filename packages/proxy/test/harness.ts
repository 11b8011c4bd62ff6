import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { type Component, Engine } from '@portcullis/core'
import Fastify, { type FastifyInstance } from 'fastify'
import {
  addEndpoints,
  type BackendHttpConfig,
  backendHttp,
  backendHttpSettings,
  type EndpointOptions,
} from '../src/index.ts'

/** What a test says of an endpoint; the rest is filled in. */
export type TestEndpoint = Partial<Omit<EndpointOptions, 'backend'>> & {
  endpoint: string
  hostsOfBackend: string[]
  urlPattern?: string
  backendMethod?: string
  http?: BackendHttpConfig
}

/** A gateway of these endpoints on a free port, with the components' engine around it. */
export async function startProxy(
  endpoints: readonly TestEndpoint[],
  components: readonly Component[] = [],
): Promise<{ app: FastifyInstance; port: number }> {
  const app = Fastify({ routerOptions: { maxParamLength: 1024 } })
  new Engine(app, { components: [backendHttp as Component, ...components], blocks: new Map() })
  await app.register(async (scope) => addEndpoints(scope, endpoints.map(fill)))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, port: (app.server.address() as AddressInfo).port }
}

function fill(test: TestEndpoint): EndpointOptions {
  const { hostsOfBackend, urlPattern, backendMethod, http: settings, ...rest } = test
  return {
    methods: ['GET'],
    timeout: 2000,
    inputHeaders: [],
    inputQueryStrings: [],
    extraConfig: undefined,
    route: { place: 'endpoints[0]', keepsRawBody: true },
    via: 'portcullis',
    ...rest,
    backend: {
      hosts: hostsOfBackend,
      urlPattern: urlPattern ?? rest.endpoint,
      settings: backendHttpSettings(settings),
      ...(backendMethod === undefined ? undefined : { method: backendMethod }),
    },
  }
}

/** A request as a backend saw it. */
export interface Seen {
  method: string
  url: string
  headers: http.IncomingHttpHeaders
  rawHeaders: string[]
  body: Buffer
}

/** A backend that remembers what it saw and answers as told. */
export interface TestBackend {
  url: string
  seen: Seen[]
  close: () => Promise<void>
}

export async function startBackend(
  answer: (request: http.IncomingMessage, response: http.ServerResponse, seen: Seen) => void = (_request, response) =>
    response.end('ok'),
): Promise<TestBackend> {
  const seen: Seen[] = []
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('error', () => undefined)
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const entry = {
        method: request.method!,
        url: request.url!,
        headers: request.headers,
        rawHeaders: request.rawHeaders,
        body: Buffer.concat(chunks),
      }
      seen.push(entry)
      answer(request, response, entry)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** A backend of raw bytes: for what no HTTP library would send. */
export async function startRawBackend(
  onConnection: (socket: Socket) => void,
): Promise<{ url: string; connections: () => number; close: () => void }> {
  let connections = 0
  const sockets = new Set<Socket>()
  const server = net.createServer((socket) => {
    connections++
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Answers the first request on a socket with these bytes. */
export function answerRaw(bytes: string | Buffer): (socket: Socket) => void {
  return (socket) => socket.once('data', () => socket.write(bytes))
}

/** A raw exchange with the gateway: sends bytes, resolves with all that came back until the connection closed. */
export async function rawRequest(port: number, bytes: string | Buffer, timeout = 3000): Promise<string> {
  const socket = net.connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => undefined)
  socket.write(bytes)
  await Promise.race([once(socket, 'close'), new Promise((resolve) => setTimeout(resolve, timeout))])
  socket.destroy()
  return Buffer.concat(chunks).toString('latin1')
}

/** `GET` of a raw target, the connection closed after it. */
export function get(target: string, headers = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: gw.test\r\n${headers}Connection: close\r\n\r\n`
}

export function statusOf(response: string): number {
  return Number(response.slice(9, 12))
}
