import type { Readable } from 'node:stream'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { BodyNeeds } from './body-tap.ts'
import type { ConfigIssue } from './config/issues.ts'
import type { JSONSchema } from './config/schema.ts'
import type { Answer, NewPayload, Refusal } from './refusal.ts'
import type { Decision, RequestState } from './request-state.ts'
import type { Store } from './store/store.ts'

/** Where a block of configuration stands. */
export type Level = 'service' | 'endpoint' | 'backend'

/** A value now or later. Steps return promises only where the work is really asynchronous. */
export type MaybePromise<T> = T | Promise<T>

/** What a step says of a request: nothing (go on), a refusal, or an answer of its own. */
export type StepResult = undefined | Refusal | Answer

/** A decision about a request. Pure where it can be: it reads the request and writes only to `state`. */
export type RequestStep = (
  request: FastifyRequest,
  state: RequestState,
  reply: FastifyReply,
) => MaybePromise<StepResult>

/** Reads or replaces a response; a refusal here (a response that must not go out) becomes the response instead. */
export type SendStep = (
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  state: RequestState,
) => MaybePromise<undefined | NewPayload | Refusal>

/** One request to an upstream, before it is sent. Steps may change `headers` and `path`. */
export interface UpstreamRequest {
  method: string
  /** `http://host:port` */
  origin: string
  /** Path and query as they go on the wire. */
  path: string
  /** Lower-case names. */
  headers: Record<string, string | string[]>
  /** 1 for the first try, 2 for the first retry. */
  attempt: number
}

/** How a request to an upstream ended. */
export interface UpstreamOutcome {
  /** Status of the upstream's response; undefined when there was none. */
  status?: number
  /** Why there was none. `cancelled` means that the client went away: not the upstream's fault. */
  failure?: 'refused' | 'timeout' | 'reset' | 'tls' | 'cancelled' | 'malformed'
  /** Milliseconds from sending to the response's head, or to the failure. */
  duration: number
}

/** May wrap the body's stream (decompression); returns the stream to read on. */
export type ParsingStep = (
  request: FastifyRequest,
  state: RequestState,
  payload: Readable,
  reply: FastifyReply,
) => Readable | Refusal | undefined

/** Told that a response was sent. */
export type ResponseStep = (request: FastifyRequest, reply: FastifyReply, state: RequestState) => void

/** Told that the client went away before its response was sent. */
export type AbortStep = (request: FastifyRequest, state: RequestState) => void

/** Stands before every try of a request to the upstream; a refusal becomes the response. */
export type UpstreamRequestStep = (
  request: FastifyRequest,
  state: RequestState,
  upstream: UpstreamRequest,
) => MaybePromise<undefined | Refusal>

/** Told how a try ended. `'retry'` asks for one more (a token that the upstream no longer takes). */
export type UpstreamResponseStep = (
  request: FastifyRequest,
  state: RequestState,
  upstream: UpstreamRequest,
  outcome: UpstreamOutcome,
) => 'retry' | undefined

/** The lifecycle phases, Fastify's names; the two upstream phases are run by the proxy around every try. */
export type Phase = Step['phase']

/**
 * A component's function at one phase. `slot` is its place in the pipeline where a component has several in one
 * phase (`rate-limit:address`); without it the component's name is.
 */
export type Step =
  | { phase: 'onRequest' | 'preValidation' | 'preHandler'; slot?: string; run: RequestStep }
  | { phase: 'preParsing'; slot?: string; run: ParsingStep }
  | { phase: 'onSend'; slot?: string; run: SendStep }
  | { phase: 'onResponse'; slot?: string; run: ResponseStep }
  | { phase: 'onRequestAbort'; slot?: string; run: AbortStep }
  | { phase: 'upstreamRequest'; slot?: string; run: UpstreamRequestStep }
  | { phase: 'upstreamResponse'; slot?: string; run: UpstreamResponseStep }

/** A request that the HTTP parser refused: there is no Fastify request, only the socket. */
export interface ParserRefusal {
  status: number
  /** The parser's code, such as `HPE_INVALID_METHOD`. */
  code: string
  remoteAddress: string | undefined
  remotePort: number | undefined
  tls: boolean
  /** What had arrived when the parser gave up, for who wants to judge it; undefined when it is not known. */
  packet?: Buffer
  /** What components have to say of it: whole when `onParserRefusal` is told. */
  decisions?: Decision[]
}

/** A number (or several, by label) that a component lets others read: for metrics and the dashboard. */
export interface Gauge {
  /** Without the prefix `portcullis_`. */
  name: string
  help: string
  read: () => number | readonly { labels: Readonly<Record<string, string>>; value: number }[]
}

/** What a component makes of one block of configuration: its steps, and what else the engine must know. */
export interface ComponentInstance {
  steps: readonly Step[]
  /** What the component needs of the request's body while it arrives. */
  body?: BodyNeeds
  /** Header names that it injects: removed from every incoming request, on every route. */
  identityHeaders?: readonly string[]
  /** Headers for answers that run no hook (the HTTP parser's 400 and 431). */
  rawHeaders?: Readonly<Record<string, string>>
  /** Judges a request that never became one, for the record: adds to its `decisions`. Before anybody is told of it. */
  judgeParserRefusal?: (refusal: ParserRefusal) => MaybePromise<void>
  /** Told of requests that never became requests, once all have judged. */
  onParserRefusal?: (refusal: ParserRefusal) => void
  /** Slow work before the first request: fetch keys, read files. A rejection fails the start. */
  ready?: () => Promise<void>
  /** Is the component able to work now? For `/__ready`. */
  healthy?: () => MaybePromise<boolean>
  /** Reads files again: SIGHUP. Must keep the old state when the new one is broken. */
  reload?: () => MaybePromise<void>
  close?: () => MaybePromise<void>
}

/** What a component gets to know of its surroundings. */
export interface Context {
  level: Level
  /** Where the block stands, for messages: `endpoints[2].extra_config["auth/validator"]`. */
  place: string
  /** The route of an endpoint or backend block; undefined at service level. */
  route?: { url: string; methods: readonly string[] }
  log: FastifyBaseLogger
  fastify: FastifyInstance
  /** Relative file names in the configuration start here. */
  baseDir: string
  /** The shared store of a policy; one per tree. */
  store: (policy: 'local' | 'redis') => Store
  /** The service-level block of a namespace, so that an endpoint block can build on it. */
  serviceBlock: (namespace: string) => unknown
  /** Is the peer of this connection one of the trusted proxies, so that what it says of the client counts? */
  trustsPeer: (request: FastifyRequest) => boolean
  /** One value per tree and key, made on first use: key caches, connection pools. */
  shared: <T>(key: string, make: () => T) => T
  /** Publishes a number to metrics and the dashboard. */
  gauge: (gauge: Gauge) => void
}

/** One security function: its namespaces, its schema and the steps it makes of a block. */
export interface Component<Config = unknown> {
  /** Its place in the pipeline and in decision records: `ip-filter`. */
  name: string
  /** The block's key in `extra_config`, and older keys for the same block. */
  namespaces: readonly [canonical: string, ...aliases: string[]]
  levels: readonly Level[]
  /** Drives start-up checks, editor completion and the README's table. May differ by level. */
  schema: JSONSchema | ((level: Level) => JSONSchema)
  /** Old field names of KrakenD version 2 files and their present ones: `{ maxRate: 'max_rate' }`. */
  renamedFields?: Readonly<Record<string, string>>
  /** Can it refuse requests? Then the engine adds the field `mode` to its schema. Default true. */
  refuses?: boolean
  /**
   * What holds when service and endpoint both have a block: `replace` (the endpoint's alone) or `both` (default).
   * With `replace`, `false` in place of the endpoint's block switches the function off for that route.
   */
  combine?: 'replace' | 'both'
  /** Mistakes that the schema cannot see. Must not do slow work. Places are relative: `.keys[0]`. */
  check?: (config: Config, context: { level: Level; baseDir: string }) => ConfigIssue[]
  /**
   * Called once per engine, with or without a block at service level, after it has seen the routes declared so far.
   * For what stands beside the blocks: routes of its own for the routes that there are (CORS preflights).
   */
  attach?: (context: Context) => void
  /** Builds the steps of one block, once, at start. Slow work belongs in `ready`. */
  create: (config: Config, context: Context) => ComponentInstance
}
