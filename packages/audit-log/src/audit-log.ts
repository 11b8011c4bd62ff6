import type { Server } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { type Context, enginesOf, fastifyOptions, type RequestState, size } from '@portcullis/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type BodyOptions, type BodyTexts, requestBodyText, responseBodyText } from './bodies.ts'
import type { AuditLogConfig } from './config.ts'
import { type Entry, entryOf, handshakeEntry, parserEntry } from './entry.ts'
import { compileExpression } from './expression.ts'
import { ecsWriter } from './format-ecs.ts'
import { jsonWriter } from './format-json.ts'
import { ocsfWriter } from './format-ocsf.ts'
import { quote } from './json-text.ts'
import { Clock, type LineWriter } from './line.ts'
import { credentialNames, Redaction } from './redaction.ts'
import type { Sink } from './sink.ts'
import { makeSinks } from './sinks.ts'

const WRITERS = { json: jsonWriter, ecs: ecsWriter, ocsf: ocsfWriter } as const
/** Milliseconds between two reports of dropped lines. */
const REPORT = 60_000

/** What is kept on a request's state while it is under way. */
interface Tracking {
  reply: FastifyReply | undefined
  written: boolean
  response: string | undefined
}

type Tracked = Partial<Record<symbol, Tracking>>

/** One audit log: entries become lines, lines go to the sinks, and every request gets exactly one. */
export class AuditLog {
  readonly sinks: readonly Sink[]
  readonly #context: Context
  readonly #write: LineWriter
  readonly #redaction: Redaction
  readonly #bodies: BodyOptions | undefined
  readonly #sample: number
  readonly #skipped: Skipped
  readonly #tolerant: boolean
  readonly #behindProxy: boolean
  /** A symbol of its own: two logs of one tree may write of the same request. */
  readonly #key: symbol = Symbol('portcullis.audit')
  #reported = 0
  #timer: NodeJS.Timeout | undefined

  constructor(config: AuditLogConfig, context: Context) {
    this.#context = context
    this.#redaction = new Redaction(config.redact)
    this.#write = WRITERS[config.format ?? 'json']({
      redaction: this.#redaction,
      headers: config.include_headers === true,
      clock: new Clock(),
      fields: Object.entries(config.custom_fields ?? {}).map(([name, expression]) => ({
        key: `${quote(name)}:`,
        write: compileExpression(expression, this.#redaction),
      })),
    })
    this.#bodies =
      config.include_bodies === true ? { limit: size(config.max_body ?? '8K'), redaction: this.#redaction } : undefined
    this.#sample = config.sample ?? 1
    this.#skipped = new Skipped(config.skip_paths ?? [])
    this.#tolerant = config.on_failure !== undefined
    this.#behindProxy = Boolean(fastifyOptions(context.fastify)['trustProxy'])
    this.sinks = makeSinks(config, context)
  }

  /** Can the record be written? The first sink is the record, others are copies. */
  get available(): boolean {
    return this.sinks[0]!.available
  }

  get dropped(): number {
    return this.sinks.reduce((sum, sink) => sum + sink.dropped, 0)
  }

  get queued(): number {
    return this.sinks.reduce((sum, sink) => sum + sink.queued, 0)
  }

  /** A request begins: an abort is told without its reply, so that is kept. */
  begin(state: RequestState, reply: FastifyReply): void {
    ;(state as object as Tracked)[this.#key] = { reply, written: false, response: undefined }
  }

  /** Keeps the response's body while it can still be read. */
  keepBody(reply: FastifyReply, payload: unknown, state: RequestState): void {
    const tracked = (state as object as Tracked)[this.#key]
    if (this.#bodies !== undefined && tracked !== undefined) {
      tracked.response = responseBodyText(reply, payload, this.#bodies)
    }
  }

  /** A request is over: its line is written, unless it has been. */
  end(request: FastifyRequest, reply: FastifyReply | undefined, state: RequestState, aborted: boolean): void {
    const holder = state as object as Tracked
    const tracked = holder[this.#key] ?? { reply, written: false, response: undefined }
    holder[this.#key] = tracked
    if (tracked.written) return
    tracked.written = true
    const entry = entryOf(request, reply ?? tracked.reply, state, aborted, this.#behindProxy)
    if (entry.outcome === 'ok' && entry.decisions.length === 0 && this.#omits(entry)) return
    const bodies: BodyTexts | undefined = this.#bodies && {
      request: requestBodyText(request, state, this.#bodies),
      response: tracked.response,
    }
    this.#offer(this.#write(entry, bodies))
  }

  /** What never became a request. */
  parserRefusal(refusal: Parameters<typeof parserEntry>[0]): void {
    this.#offer(this.#write(parserEntry(refusal)))
  }

  /** Opens the sinks. @throws when one cannot be opened and `on_failure` does not say that this may be. */
  async open(): Promise<void> {
    for (const name of this.#credentials()) this.#redaction.addCredential(name)
    for (const sink of this.sinks) {
      try {
        await sink.open()
      } catch (error) {
        if (this.#tolerant) continue
        await this.close()
        throw new Error(
          `${this.#context.place}: the audit log ${sink.name} cannot be opened: ${(error as Error).message}`,
        )
      }
    }
    this.#timer = setInterval(() => this.#report(), REPORT).unref()
    const server = this.#context.fastify.server as unknown as Server
    server.on('tlsClientError', this.#onHandshake)
  }

  async reopen(): Promise<void> {
    await Promise.all(this.sinks.map((sink) => sink.reopen()))
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    this.#context.fastify.server.removeListener('tlsClientError', this.#onHandshake)
    await Promise.all(this.sinks.map((sink) => sink.close()))
    this.#report()
  }

  readonly #onHandshake = (error: NodeJS.ErrnoException, socket: TLSSocket): void => {
    if (error.code === 'ECONNRESET') return
    this.#offer(this.#write(handshakeEntry(error.code ?? 'ERR_TLS_HANDSHAKE', socket)))
  }

  #omits(entry: Entry): boolean {
    if (this.#skipped.has(entry.path ?? '')) return true
    return this.#sample < 1 && Math.random() >= this.#sample
  }

  #offer(line: string): void {
    for (const sink of this.sinks) sink.offer(line)
  }

  /** Says once a minute how many lines were lost. */
  #report(): void {
    const { dropped } = this
    if (dropped === this.#reported) return
    this.#context.log.error(
      { component: 'audit-log', lines: dropped - this.#reported, dropped },
      'audit lines were lost',
    )
    this.#reported = dropped
  }

  #credentials(): string[] {
    return enginesOf(this.#context.fastify).flatMap((engine) =>
      engine.instances.flatMap(({ config }) => credentialNames(config)),
    )
  }
}

/** Paths whose ordinary requests are not logged: whole ones, and those that begin alike. */
class Skipped {
  readonly #whole: ReadonlySet<string>
  readonly #beginnings: readonly string[]

  constructor(paths: readonly string[]) {
    this.#whole = new Set(paths.filter((path) => !path.endsWith('*')))
    this.#beginnings = paths.filter((path) => path.endsWith('*')).map((path) => path.slice(0, -1))
  }

  has(path: string): boolean {
    return this.#whole.has(path) || this.#beginnings.some((beginning) => path.startsWith(beginning))
  }
}
