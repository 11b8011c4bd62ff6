import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import http2 from 'node:http2'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import nodeTls from 'node:tls'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import tls, { type TlsConfig, tlsServerOptions } from '../src/index.ts'
import { Pki } from './pki.ts'

let pki: Pki
let ca: Buffer
beforeAll(() => {
  pki = new Pki()
  ca = readFileSync(pki.ca)
  pki.issue('a', { names: ['a.test', 'localhost'] })
  pki.issue('b', { names: ['b.test', '*.wild.test'] })
  pki.issue('client', { commonName: 'Ada, Countess', client: true, names: ['ada.test'] })
})
afterAll(() => pki.remove())

let app: FastifyInstance | undefined
afterEach(() => app?.close())

async function serve(config: Partial<TlsConfig> = {}): Promise<number> {
  const full: TlsConfig = {
    keys: [
      { public_key: 'a.pem', private_key: 'a.key' },
      { public_key: 'b.pem', private_key: 'b.key' },
    ],
    ...config,
  }
  const target = Fastify(tlsServerOptions(full, { baseDir: pki.folder }) as never) as unknown as FastifyInstance
  const absolute = {
    ...full,
    keys: full.keys!.map((pair) => ({
      public_key: pki.path(pair.public_key),
      private_key: pki.path(pair.private_key),
    })),
  }
  await target.register(tls, absolute)
  target.get('/', (request) => ({ identities: request.portcullis?.identities ?? null, headers: request.headers }))
  await target.listen({ port: 0, host: '127.0.0.1' })
  app = target
  return (target.server.address() as AddressInfo).port
}

interface Handshake {
  subject: string
  protocol: string | null
  cipher: string
  alpn: string | false | null
}

function handshake(port: number, options: nodeTls.ConnectionOptions = {}): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const socket = nodeTls.connect(
      { port, host: '127.0.0.1', ca, servername: 'a.test', checkServerIdentity: () => undefined, ...options },
      () => {
        const { CN } = socket.getPeerCertificate().subject
        resolve({
          subject: String(CN),
          protocol: socket.getProtocol(),
          cipher: socket.getCipher().standardName,
          alpn: socket.alpnProtocol,
        })
        socket.destroy()
      },
    )
    socket.on('error', reject)
  })
}

function get(port: number, options: https.RequestOptions = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    https
      .get({ port, host: '127.0.0.1', ca, servername: 'a.test', path: '/', agent: false, ...options }, (response) => {
        let body = ''
        response.on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode!, body }))
      })
      .on('error', reject)
  })
}

describe('server names', () => {
  it.each([
    ['a.test', 'a'],
    ['B.TEST', 'b'],
    ['x.wild.test', 'b'],
    ['x.y.wild.test', 'a'],
    ['unknown.test', 'a'],
    ['', 'a'],
  ])('%j gets the pair %s', async (servername, subject) => {
    const port = await serve()
    expect((await handshake(port, { servername })).subject).toBe(subject)
  })

  it('survives odd names', async () => {
    const port = await serve()
    await handshake(port, { servername: 'a'.repeat(255) }).catch(() => undefined)
    expect((await get(port)).status).toBe(200)
  })
})

describe('protocols and suites', () => {
  it('takes TLS 1.2 and 1.3 and nothing older, nothing without forward secrecy', async () => {
    const port = await serve()
    expect((await handshake(port)).protocol).toBe('TLSv1.3')
    expect((await handshake(port, { maxVersion: 'TLSv1.2' })).protocol).toBe('TLSv1.2')
    await expect(
      handshake(port, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
    ).rejects.toThrow()
    await expect(handshake(port, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' })).rejects.toThrow()
    await expect(handshake(port, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' })).rejects.toThrow()
  })

  it('restricts each version to what the list says of it, by name or number', async () => {
    const port = await serve({ cipher_suites: ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 0x1302] })
    expect((await handshake(port)).cipher).toBe('TLS_AES_256_GCM_SHA384')
    expect((await handshake(port, { maxVersion: 'TLSv1.2' })).cipher).toBe('TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256')
    await expect(handshake(port, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' })).rejects.toThrow()
    await expect(handshake(port, { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' })).rejects.toThrow()
  })

  it.each([
    ['min_version', { min_version: 'TLS13' }, 'TLSv1.2'],
    ['max_version', { max_version: 'TLS12' }, 'TLSv1.3'],
  ] as const)('holds to %s', async (_name, config, refused) => {
    const port = await serve(config)
    await expect(handshake(port, { minVersion: refused, maxVersion: refused })).rejects.toThrow()
    expect((await handshake(port)).protocol).not.toBe(refused)
  })

  it('offers HTTP/2 beside HTTP/1.1, or not', async () => {
    const port = await serve()
    expect((await handshake(port, { ALPNProtocols: ['h2', 'http/1.1'] })).alpn).toBe('h2')
    expect((await handshake(port, { ALPNProtocols: ['http/1.1'] })).alpn).toBe('http/1.1')
    await app!.close()
    const plain = await serve({ http2: false })
    expect((await handshake(plain, { ALPNProtocols: ['h2', 'http/1.1'] })).alpn).toBe('http/1.1')
  })

  it('bounds HTTP/2 sessions', async () => {
    const port = await serve()
    const session = http2.connect(`https://127.0.0.1:${port}`, { ca, servername: 'a.test' })
    const settings = await new Promise<http2.Settings>((resolve) => session.once('remoteSettings', resolve))
    expect(settings).toMatchObject({ maxConcurrentStreams: 100, maxHeaderListSize: 32_768 })
    session.destroy()
  })

  it('ends a session that only resets its streams', async () => {
    const port = await serve()
    const session = http2.connect(`https://127.0.0.1:${port}`, { ca, servername: 'a.test' })
    session.on('error', () => undefined)
    let open = true
    session.once('close', () => {
      open = false
    })
    while (open) {
      for (let i = 0; i < 50 && open && !session.destroyed; i++) {
        const stream = session.request({ ':path': '/' })
        stream.on('error', () => undefined)
        stream.close(http2.constants.NGHTTP2_CANCEL)
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    expect((await get(port)).status).toBe(200)
  })
})

describe('plain HTTP on the TLS port', () => {
  it('gets a 400 that says so', async () => {
    const port = await serve()
    const answer = await new Promise<string>((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'))
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk.toString()
      })
      socket.on('close', () => resolve(text))
    })
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('This port speaks HTTPS')
    expect((await get(port)).status).toBe(200)
  })
})

describe('client certificates', () => {
  const mtls = (): Partial<TlsConfig> => ({
    enable_mtls: true,
    ca_certs: [pki.ca],
    propagate_client_certificate: [
      ['common_name', 'X-Client-Name'],
      ['fingerprint', 'x-client-fingerprint'],
    ],
  })

  it('must be there and be of the right CA', async () => {
    const port = await serve(mtls())
    await expect(get(port)).rejects.toThrow()
    const other = new Pki()
    const stranger = other.issue('client', { client: true })
    await expect(
      get(port, { cert: readFileSync(stranger.public_key), key: readFileSync(stranger.private_key) }),
    ).rejects.toThrow()
    other.remove()
  })

  it('become an identity and headers that no client can send', async () => {
    const port = await serve(mtls())
    const certificate = { cert: readFileSync(pki.path('client.pem')), key: readFileSync(pki.path('client.key')) }
    const { body } = await get(port, {
      ...certificate,
      headers: { X_Client_Name: 'forged', 'x-client-name': 'forged' },
    })
    const { identities, headers } = JSON.parse(body)
    expect(identities[0]).toMatchObject({ kind: 'mtls', subject: 'Ada, Countess' })
    expect(headers['x-client-name']).toBe('Ada, Countess')
    expect(headers['x-client-fingerprint']).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
    expect(body).not.toContain('forged')
  })
})

describe('reload', () => {
  it('serves a new pair without dropping a connection, and keeps the old one when the new is broken', async () => {
    pki.issue('old', { names: ['a.test'], commonName: 'old' })
    pki.issue('new', { names: ['a.test'], commonName: 'new' })
    const use = (name: string): void => {
      copyFileSync(pki.path(`${name}.pem`), pki.path('live.pem'))
      copyFileSync(pki.path(`${name}.key`), pki.path('live.key'))
    }
    use('old')
    const port = await serve({ keys: [{ public_key: 'live.pem', private_key: 'live.key' }] })
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
    expect((await get(port, { agent })).status).toBe(200)
    expect((await handshake(port)).subject).toBe('old')
    use('new')
    await expect.poll(async () => (await handshake(port)).subject, { timeout: 4000 }).toBe('new')
    expect((await handshake(port, { servername: '' })).subject).toBe('new')
    expect((await get(port, { agent })).status).toBe(200)
    writeFileSync(pki.path('live.key'), 'broken')
    await new Promise((resolve) => setTimeout(resolve, 1200))
    expect((await handshake(port)).subject).toBe('new')
    agent.destroy()
  })
})

describe('the redirecting listener', () => {
  it('sends clients to HTTPS, for names that a certificate has', async () => {
    const free = await new Promise<number>((resolve) => {
      const probe = net.createServer().listen(0, '127.0.0.1', () => {
        const { port } = probe.address() as AddressInfo
        probe.close(() => resolve(port))
      })
    })
    const port = await serve({ redirect_from: free })
    const ask = (host: string, method = 'GET'): Promise<Response> =>
      fetch(`http://127.0.0.1:${free}/x?y=1`, { method, redirect: 'manual', headers: { host } })
    const raw = await new Promise<string>((resolve) => {
      const socket = net.connect(free, '127.0.0.1', () => socket.write('GET /x?y=1 HTTP/1.1\r\nHost: a.test\r\n\r\n'))
      socket.on('data', (chunk) => resolve(chunk.toString()))
    })
    expect(raw).toContain('301')
    expect(raw.toLowerCase()).toContain(`location: https://a.test:${port}/x?y=1`)
    expect((await ask('evil.test')).status).toBe(421)
  })
})
