import { copyFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { connect } from 'node:tls'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Pki } from '../../tls/test/pki.ts'
import { type RunningGateway, run } from '../src/index.ts'

let pki: Pki
let gateway: RunningGateway
beforeEach(() => {
  pki = new Pki()
  for (const name of ['a', 'b']) pki.issue(name, { names: ['gw.test', 'localhost'], commonName: name })
  install('a')
})
afterEach(async () => {
  await gateway?.stop()
  pki.remove()
})

/** Puts a certificate where the gateway reads it. */
function install(name: string): void {
  for (const ending of ['pem', 'key']) copyFileSync(pki.path(`${name}.${ending}`), pki.path(`gw.${ending}`))
}

async function start(tls: object = {}): Promise<void> {
  configure(tls)
  const config = pki.path('gateway.json')
  gateway = await run({ config, port: 0, signals: false, print: () => undefined })
}

function configure(tls: object): void {
  const keys = [{ public_key: 'gw.pem', private_key: 'gw.key' }]
  writeFileSync(pki.path('gateway.json'), JSON.stringify({ listen_ip: '127.0.0.1', tls: { keys, ...tls } }))
}

const port = (): number => Number(new URL(gateway.url).port)

/** Name of the certificate that a client is shown, with and without a server name of its own. */
function shown(servername?: string): Promise<string> {
  return new Promise((settle, reject) => {
    const name = servername === undefined ? {} : { servername }
    const socket = connect({ host: '127.0.0.1', port: port(), rejectUnauthorized: false, ...name }, () => {
      settle(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

/** Status of `/__health`. */
function health(): Promise<number> {
  return new Promise((settle, reject) => {
    const request = https.get(`${gateway.url}/__health`, { rejectUnauthorized: false, agent: false }, (response) => {
      response.resume()
      settle(response.statusCode!)
    })
    request.once('error', reject)
  })
}

it('shows a certificate that was replaced, to clients that name the server too', async () => {
  await start()
  expect([await shown(), await shown('gw.test')]).toEqual(['a', 'a'])
  install('b')
  await expect.poll(() => shown('gw.test'), { timeout: 4000 }).toBe('b')
  expect(await shown()).toBe('b')
})

it('goes on after each reload, with the certificate that is there then', async () => {
  await start()
  for (const name of ['b', 'a', 'b']) {
    install(name)
    await gateway.reload()
    expect([await shown(), await shown('gw.test'), await health()]).toEqual([name, name, 200])
  }
  expect(await plain(port())).toBe(400)
  install('a')
  await expect.poll(() => shown('gw.test'), { timeout: 4000 }).toBe('a')
})

it('takes over protocol versions', async () => {
  await start({ max_version: 'TLS12' })
  configure({ min_version: 'TLS13' })
  await gateway.reload()
  const protocol = await new Promise((settle) => {
    const socket = connect(
      { host: '127.0.0.1', port: port(), rejectUnauthorized: false, servername: 'gw.test' },
      () => {
        settle(socket.getProtocol())
        socket.destroy()
      },
    )
  })
  expect(protocol).toBe('TLSv1.3')
})

it('keeps its redirecting listener over reloads, and gives it back at the end', async () => {
  const redirect_from = await freePort()
  await start({ redirect_from })
  for (let i = 0; i < 2; i++) {
    expect(await plain(redirect_from)).toBe(301)
    install('b')
    await gateway.reload()
    expect(await shown('gw.test')).toBe('b')
  }
  await gateway.stop()
  await expect(plain(redirect_from)).rejects.toThrow('ECONNREFUSED')
})

it.each([
  ['enable_mtls', () => ({ enable_mtls: true, ca_certs: [pki.ca] })],
  ['http2', () => ({ http2: false })],
  ['disabled', () => ({ disabled: true })],
])('refuses a reload that changes tls.%s, which needs a restart', async (_field, tls) => {
  await start()
  configure(tls())
  install('b')
  const before = gateway.app
  await gateway.reload()
  expect(gateway.app).toBe(before)
  expect(await health()).toBe(200)
})

/** Status of a plain request. */
function plain(to: number): Promise<number> {
  return new Promise((settle, reject) => {
    const options = { port: to, host: '127.0.0.1', headers: { host: 'gw.test' }, agent: false as const }
    const request = http.get(options, (response) => {
      response.resume()
      settle(response.statusCode!)
    })
    request.once('error', reject)
  })
}

function freePort(): Promise<number> {
  return new Promise((settle) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = server.address() as net.AddressInfo
      server.close(() => settle(free))
    })
  })
}
