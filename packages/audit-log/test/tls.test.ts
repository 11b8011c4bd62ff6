import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'
import auditLog from '../src/index.ts'
import { makeFolder, readLines, until } from './support.ts'

const folder = makeFolder()
const log = folder.file('audit.log')
let app: FastifyInstance
let port: number
let key: Buffer
let cert: Buffer

beforeAll(async () => {
  const [keyFile, certFile] = [folder.file('key.pem'), folder.file('cert.pem')]
  const subject = ['-subj', '/CN=client "of\\ the test"/O=Portcullis', '-addext', 'subjectAltName=DNS:localhost']
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      keyFile,
      '-out',
      certFile,
      ...subject,
    ],
    { stdio: 'ignore' },
  )
  key = readFileSync(keyFile)
  cert = readFileSync(certFile)
  app = Fastify({
    https: { key, cert, ca: cert, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2' },
  }) as unknown as FastifyInstance
  await app.register(auditLog, { path: log, flush_interval: 0, custom_fields: { who: 'tls.client.subject' } })
  app.get('/', () => 'ok')
  await app.listen({ port: 0, host: '127.0.0.1' })
  port = (app.server.address() as AddressInfo).port
})
afterAll(async () => {
  await app.close()
  folder.remove()
})

it('tells of the connection: version, cipher, name, the client’s certificate', async () => {
  await new Promise((resolve) =>
    https.get({ port, key, cert, ca: cert, servername: 'localhost', agent: false }, (response) =>
      response.resume().once('end', resolve),
    ),
  )
  await until(() => readLines(log).length === 1, 'a line')
  expect(readLines(log)[0]).toMatchObject({
    tls: {
      version: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      server_name: 'localhost',
      client: { fingerprint: expect.stringMatching(/^[0-9A-F:]{95}$/), verified: true },
    },
    response: { status: 200 },
  })
  expect(readLines(log)[0]!['who']).toContain('O=Portcullis')
})

it('tells of handshakes that fail', async () => {
  await new Promise((resolve) => {
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      ca: cert,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    socket.once('error', () => undefined)
    socket.once('close', resolve)
  })
  await until(() => readLines(log).length === 2, 'a line')
  expect(readLines(log)[1]).toMatchObject({
    outcome: 'refused',
    request: {},
    client: { ip: '127.0.0.1' },
    response: { status: null },
    decision: { component: 'tls', code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' },
  })
})
