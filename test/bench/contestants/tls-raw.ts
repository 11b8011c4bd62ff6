import { readFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import { makeCertificate } from '../certificate.ts'
import type { StartContestant } from '../contestant.ts'
import { relay } from '../relay.ts'

/** node:https and undici's dispatch with raw writes, TLS 1.3 on kept connections. */
const start: StartContestant = (upstream) =>
  new Promise((resolve) => {
    const pair = makeCertificate()
    const pool = new Pool(upstream, { connections: 128 })
    const options = { cert: readFileSync(pair.public_key), key: readFileSync(pair.private_key) }
    const server = https.createServer(options, (request, response) => relay(pool, request, response))
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })

export default start
