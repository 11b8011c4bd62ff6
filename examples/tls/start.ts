/**
 * TLS on both sides of a gateway: HTTPS and HTTP/2 in, verified HTTPS to the backend, and certificates that are
 * replaced while requests run. `npx tsx --conditions=@portcullis/source examples/tls/start.ts`; it needs openssl.
 */
import { execFile } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { run } from 'portcullis'
import { Authority } from './authority.ts'
import { Load, type Outcome } from './load.ts'

const exec = promisify(execFile)

/** A gateway, its CA and its backends. */
export interface Example {
  url: string
  ca: Authority
  /** Settles when the gateway was told to stop. */
  stopped: Promise<void>
  stop: () => Promise<void>
}

/** Makes the certificates and starts everything. `port` 0 takes a free one. */
export async function start(port?: number, quiet = false): Promise<Example> {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-tls-'))
  const ca = await new Authority(join(folder, 'ca')).create()
  const other = await new Authority(join(folder, 'other')).create()
  await ca.issue('gateway', ['DNS:localhost', 'IP:127.0.0.1'])
  for (const authority of [ca, other]) await authority.issue('backend', ['IP:127.0.0.1'])
  const backends = [await serve(ca), await serve(other)]
  Object.assign(process.env, { CERTS: ca.folder, BACKEND: backends[0]!.url, IMPOSTOR: backends[1]!.url })
  const gateway = await run({
    config: fileURLToPath(new URL('gateway.json', import.meta.url)),
    ...(port === undefined ? undefined : { port }),
    ...(quiet ? { signals: false, print: () => undefined } : undefined),
  })
  const stop = async (): Promise<void> => {
    await gateway.stop()
    for (const { close } of backends) close()
    rmSync(folder, { recursive: true, force: true })
  }
  return { url: gateway.url.replace('127.0.0.1', 'localhost'), ca, stopped: gateway.stopped, stop }
}

/** A backend that speaks HTTPS with the authority's certificate. */
async function serve(authority: Authority): Promise<{ url: string; close: () => void }> {
  const [cert, key] = ['pem', 'key'].map((ending) => readFileSync(authority.path(`backend.${ending}`)))
  const server = https.createServer({ cert, key }, (request, response) => response.end(`${request.url} over TLS\n`))
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle))
  const close = (): void => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

/** Replaces the gateway's certificate several times while at least so many requests run. */
export async function replaceUnderLoad({ url, ca }: Example, requests: number, times: number): Promise<Outcome> {
  const load = new Load(`${url}/orders/7`, readFileSync(ca.path('ca.pem'), 'utf8'))
  load.start(4)
  for (let i = 0; i < times; i++) {
    await ca.issue('gateway', ['DNS:localhost', 'IP:127.0.0.1'])
    await sleep(1200)
  }
  while (load.outcome.requests < requests) await sleep(20)
  return load.stop()
}

/** What `scan.sh` says: a line for each protocol and suite that the gateway takes. */
export async function scan({ url, ca }: Example): Promise<string[]> {
  const script = fileURLToPath(new URL('scan.sh', import.meta.url))
  const { stdout } = await exec('bash', [script, new URL(url).host, ca.path('ca.pem')])
  return stdout.trim().split('\n')
}

if (process.argv[1] === import.meta.filename) {
  const example = await start()
  console.log('\nprotocols and suites:', await scan(example))
  console.log('\n1,000 requests while the certificate is replaced three times …')
  // Ctrl-C may come before the last request.
  console.log((await Promise.race([replaceUnderLoad(example, 1000, 3), example.stopped])) ?? 'stopped')
  const curl = `curl --cacert ${example.ca.path('ca.pem')}`
  console.log(`\nTry:\n\n# 200\n${curl} -i ${example.url}/orders/7\n# 502, the backend cannot be verified`)
  console.log(`${curl} -i ${example.url}/impostor\n\nCtrl-C stops it.`)
  await example.stopped
  await example.stop()
}
