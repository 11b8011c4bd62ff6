import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { Pool } from 'undici'
import type { StartContestant } from '../contestant.ts'
import { relay } from '../relay.ts'

/** node:http and undici's dispatch with raw writes: the least that a proxy in JavaScript can cost. */
const start: StartContestant = (upstream) =>
  new Promise((resolve) => {
    const pool = new Pool(upstream, { connections: 128 })
    const server = http.createServer((request, response) => relay(pool, request, response))
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })

export default start
