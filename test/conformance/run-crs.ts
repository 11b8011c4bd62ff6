/** Runs go-ftw tests of a Core Rule Set over sockets against the gateway in front of a backend. */
import net, { type AddressInfo } from 'node:net'
import type { Engine, RequestState } from '@portcullis/core'
import { type GatewayDocument, gateway, serverOptions } from '@portcullis/gateway'
import type { AuditEntry } from '@portcullis/seclang'
import Fastify, { type FastifyInstance } from 'fastify'
import {
  type FtwResult,
  type FtwTest,
  judge,
  logLine,
  readTests,
  wireRequest,
} from '../../packages/seclang/test/crs/ftw.ts'
import { TEST_SETTINGS } from '../../packages/seclang/test/crs/in-process.ts'
import { startBackend } from './backend.ts'
import { ErrorLog, type LoggedError } from './error-log.ts'

/** How a run is made. */
export interface CrsRunOptions {
  /** Folder of the rule set, upstream's layout or Debian's. */
  rules: string
  /** Folder with the go-ftw files. */
  tests: string
  /** Take every n-th test only. */
  every?: number
  /** Tests at once. */
  parallel?: number
}

/** One test that did not pass. */
export interface CrsFailure {
  id: string
  reason: string
  /** What fired in its last stage. */
  fired: number[]
  status: number
}

/** The outcome of a run. */
export interface CrsRun {
  total: number
  failures: CrsFailure[]
  /** What went wrong in the gateway, whether a test failed by it or not. */
  errors: readonly LoggedError[]
}

/** What the gateway noticed of a connection. */
interface Seen {
  states: Pick<RequestState, 'decisions' | 'facts'>[]
  closed: Promise<void>
}

/** A gateway under test. */
interface Target {
  app: FastifyInstance
  port: number
  /** By the port of the client. */
  seen: Map<number, Seen>
  log: ErrorLog
}

const IDLE = 2000

/** Runs the tests. The rules only record (as the tests presuppose), at paranoia level 4. */
export async function runCrs(options: CrsRunOptions): Promise<CrsRun> {
  const backend = await startBackend()
  const target = await startGateway(options.rules, backend.port)
  try {
    const all = readTests(options.tests)
    const tests = all.filter((_, i) => i % (options.every ?? 1) === 0)
    const failures: CrsFailure[] = []
    const queue = tests[Symbol.iterator]()
    const worker = async (): Promise<void> => {
      for (const test of queue) {
        const failure = await runTest(test, target)
        if (failure !== undefined) failures.push(failure)
      }
    }
    await Promise.all(Array.from({ length: options.parallel ?? 8 }, worker))
    failures.sort((a, b) => (a.id < b.id ? -1 : 1))
    return { total: tests.length, failures, errors: target.log.errors }
  } finally {
    await target.app.close()
    backend.close()
  }
}

async function startGateway(rules: string, backend: number): Promise<Target> {
  const log = new ErrorLog()
  const seen = new Map<number, Seen>()
  const document: GatewayDocument = {
    version: 3,
    timeout: '10s',
    extra_config: {
      'security/waf': {
        mode: 'monitor',
        crs: rules,
        paranoia_level: 4,
        crs_settings: TEST_SETTINGS,
        inspect_responses: true,
        audit: 'H',
      },
    },
    endpoints: [
      {
        endpoint: '/*',
        method: '*',
        input_headers: ['*'],
        input_query_strings: ['*'],
        backend: [{ host: [`http://127.0.0.1:${backend}`], url_pattern: '/*' }],
      },
    ],
  }
  const options = serverOptions(document)
  const { frameworkErrors } = options
  options.frameworkErrors = (error, request, reply) => {
    frameworkErrors!(error, request, reply)
    seen.get(request.raw.socket.remotePort!)?.states.push(request.portcullis!)
  }
  const logger = { level: 'error', stream: log }
  const app = Fastify({ ...options, bodyLimit: 2 ** 24, logger }) as unknown as FastifyInstance
  await app.register(gateway, document)
  app.server.on('connection', (socket) => {
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    seen.set(socket.remotePort!, { states: [], closed })
  })
  app.addHook('onRequest', (request, _reply, done) => {
    seen.get(request.raw.socket.remotePort!)?.states.push(request.portcullis!)
    done()
  })
  // What Node's parser refuses never becomes a request; the WAF has its say all the same.
  const { engine } = (app as unknown as { portcullis: { engine: Engine } }).portcullis
  const tell = engine.tellParserRefusal.bind(engine)
  engine.tellParserRefusal = (refusal) => {
    tell(refusal)
    seen.get(refusal.remotePort!)?.states.push({ decisions: refusal.decisions ?? [], facts: undefined })
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { app, port: (app.server.address() as AddressInfo).port, seen, log }
}

async function runTest(test: FtwTest, target: Target): Promise<CrsFailure | undefined> {
  for (const stage of test.stages) {
    const result = await send(Buffer.from(wireRequest(stage.input), 'latin1'), target)
    // The rules only record here: a status may be the one that was answered or the one that they would have answered.
    const statuses = result.wouldBe === undefined ? [result.status] : [result.status, result.wouldBe]
    const reasons = statuses.map((status) => judge(stage.output, { ...result, status }))
    const reason = reasons.includes(undefined) ? undefined : reasons[0]
    if (reason !== undefined) {
      return { id: test.id, reason, fired: [...result.ids].sort((a, b) => a - b), status: result.status }
    }
  }
  return undefined
}

/** Sends the bytes of one request on a connection of its own and gathers what fired. */
async function send(bytes: Buffer, { port, seen, log }: Target): Promise<FtwResult & { wouldBe: number | undefined }> {
  const { answer, localPort } = await exchange(bytes, port)
  const found = seen.get(localPort)
  await found?.closed
  seen.delete(localPort)
  const states = found?.states ?? []
  const decisions = states.flatMap((state) => state.decisions)
  const rules = decisions.filter(({ code }) => code.startsWith('RULE_'))
  const lines = rules.map(({ code, message = '' }) => logLine({ ruleId: Number(code.slice(5)), message, logData: '' }))
  log.answered(answer)
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0)
  const isRouted = !decisions.some(({ component }) => component === 'router')
  return {
    ids: new Set(rules.map(({ code }) => Number(code.slice(5)))),
    log: [...lines, ...states.flatMap(({ facts }) => logOf(facts?.['waf_audit'] as AuditEntry | undefined))].join('\n'),
    status,
    wouldBe: isRouted ? decisions.find(({ code }) => code === 'WAF_BLOCKED')?.status : undefined,
  }
}

function logOf(entry: AuditEntry | undefined): string[] {
  return (entry?.transaction.messages ?? []).map(({ message, details }) =>
    logLine({ ruleId: Number(details.ruleId), message, logData: details.data }),
  )
}

function exchange(bytes: Buffer, port: number): Promise<{ answer: string; localPort: number }> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    let answer = ''
    let localPort = 0
    socket.setEncoding('latin1')
    // Whoever keeps the connection, or sends less than is declared, is not waited for.
    socket.setTimeout(IDLE, () => socket.destroy())
    socket.on('connect', () => {
      localPort = socket.localPort!
      socket.write(bytes)
    })
    socket.on('data', (chunk: string) => {
      answer += chunk
      if (isWhole(answer)) socket.end()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.on('close', () => resolve({ answer, localPort }))
  })
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  if (end === -1) return false
  const length = /\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, end))
  return length !== null && answer.length >= end + 4 + Number(length[1])
}
