/** What a transaction has seen, the state of the rules in it, and the values derived from both. */

import { randomBytes } from 'node:crypto'
import type { FilePart, MultipartContent } from '../body/multipart.ts'
import type { NamedValue } from '../body/types.ts'
import type { XmlContent } from '../body/xml.ts'
import { type Lifetime, PERSISTENT, VARIABLE_LIST } from '../language/names.ts'
import type { CollectionStore } from '../store/types.ts'
import type { TxCollection } from './collection.ts'
import type { EngineConfig, EngineMode } from './config.ts'
import type { Header } from './headers.ts'
import { isPersistentId } from './ids.ts'
import type { Exclusion, Predicate, Rule } from './model.ts'
import type { Plan } from './plan.ts'
import { Question } from './question.ts'
import type { RuleSet } from './ruleset.ts'
import { TxVariables } from './slots.ts'
import { buildValues } from './sources.ts'
import { StringRecord } from './strings.ts'
import type { Value } from './value.ts'
import type { Connection, Match, Verdict } from './verdict.ts'

const idsOf = (lifetime: Lifetime): number[] =>
  VARIABLE_LIST.filter((info) => info.lifetime === lifetime).map(({ id }) => id)
/** The variables of each lifetime. */
const IDS_OF: Readonly<Record<Lifetime, readonly number[]>> = {
  request: idsOf('request'),
  body: idsOf('body'),
  response: idsOf('response'),
  volatile: idsOf('volatile'),
}

/** A value that matched in the rule being evaluated. */
export interface MatchedValue {
  readonly name: string
  readonly text: string
}

/** Targets that `ctl` took out of a set of rules. */
export interface ActiveExclusion {
  /** 1 at the index of each rule concerned. */
  readonly rules: Uint8Array
  readonly exclusion: Exclusion
}

function withKey(values: readonly Value[], low: string): Value[] {
  const chosen: Value[] = []
  for (let i = 0; i < values.length; i++) if (values[i]!.lowKey === low) chosen.push(values[i]!)
  return chosen
}

/** Everything a transaction knows; {@link Transaction} adds how it comes to know it. */
export class TransactionState {
  readonly rules: RuleSet
  readonly plan: Plan
  readonly connection: Connection
  /** Milliseconds since 1970. */
  readonly started: number = Date.now()

  /** Rules that matched so far, in order. */
  readonly matches: Match[] = []
  /** The verdict, once there is one. */
  verdict: Verdict | undefined

  method = ''
  rawUri = ''
  uri = ''
  path = ''
  fileName = ''
  query = ''
  protocol = ''
  line = ''
  readonly headers: Header[] = []
  cookies: NamedValue[] = []
  argsGet: NamedValue[] = []
  badEscape = false

  rawBody: Buffer | undefined
  bodyText = ''
  bodyOverLimit = false
  /** Name of the body processor in capitals, empty when there is none. */
  processor = ''
  forceBodyVariable = false
  bodyError = ''
  requestBodyVariable: string | undefined
  argsPost: NamedValue[] = []
  files: readonly FilePart[] = []
  multipart: MultipartContent | undefined
  multipartStrictError = false
  xml: XmlContent | undefined
  /** What `@geoLookup` has found of an address last. */
  geo: readonly NamedValue[] = []

  status: string | undefined
  responseHeaderList: NamedValue[] = []
  responseType: string | undefined
  responseText: string | undefined
  responseOverLimit = false

  /** Where collections are loaded from. */
  store: CollectionStore
  /** State that `ctl` changes. */
  engine: EngineMode
  requestBodyAccess: boolean
  responseBodyAccess: boolean
  requestBodyLimit: number
  responseBodyLimit: number
  auditEngine: EngineConfig['auditEngine']
  auditLogParts: string
  xmlArguments: EngineConfig['xmlArguments']
  removed: Uint8Array | null = null
  exclusions: ActiveExclusion[] = []

  readonly tx: TxVariables
  readonly collections: Map<string, TxCollection> = new Map()
  /** A collection that is being loaded; no rule runs until it is there. */
  loading: Promise<void> | undefined
  currentRule: Rule | null = null
  matchedName = ''
  matchedText = ''
  /** Values that the rule being evaluated has matched so far, and all of them but the last. */
  hits = 0
  earlier: MatchedValue[] = []
  readonly question: Question = new Question()
  highestSeverity = 255
  limitsExceeded = false
  /** Set by `allow`: phases up to this one are not run any more. */
  allowedUntil = 0

  /** Values by variable and by source, made when first asked for. */
  readonly variableValues: (Value[] | undefined)[]
  readonly sourceValues: (Value[] | undefined)[]
  /** Places of the phase's rules that can match, as a bit set; null before anybody has looked. */
  candidates: number[] | null = null
  /** Records that only this transaction knows. */
  private readonly strings = new Map<string, StringRecord>()
  private unique: string | undefined
  private env: NamedValue[] | undefined
  /** Predicates the rules ask, noted when a probe looks for them. */
  reached: Set<Predicate> | null = null
  /** Names of values that the audit log masks: `args:password`, `request_headers:authorization`. */
  readonly sanitised: Set<string> = new Set()

  /** Made by `RuleSet.transaction`. */
  constructor(rules: RuleSet, plan: Plan, connection: Connection) {
    const { config } = rules
    this.rules = rules
    this.plan = plan
    this.connection = connection
    this.store = rules.store
    this.engine = config.engine
    this.requestBodyAccess = config.requestBodyAccess
    this.responseBodyAccess = config.responseBodyAccess
    this.requestBodyLimit = config.requestBodyLimit
    this.responseBodyLimit = config.responseBodyLimit
    this.auditEngine = config.auditEngine
    this.auditLogParts = config.auditLogParts
    this.xmlArguments = config.xmlArguments
    this.tx = new TxVariables(rules.slots)
    this.variableValues = new Array<Value[] | undefined>(VARIABLE_LIST.length).fill(undefined)
    this.sourceValues = new Array<Value[] | undefined>(rules.sources.length).fill(undefined)
  }

  get uniqueId(): string {
    this.unique ??= this.connection.uniqueId ?? randomBytes(12).toString('hex')
    return this.unique
  }

  get remoteUser(): string | undefined {
    return this.connection.remoteUser
  }

  /** Values of ENV; `setenv` adds to them. */
  get environment(): NamedValue[] {
    this.env ??= Object.entries(this.connection.environment ?? {}).map(([key, value]) => ({ key, value }))
    return this.env
  }

  get webAppId(): string {
    return this.rules.config.webAppId
  }

  /** First value of a request header; the name in lower case. */
  header(name: string): string | undefined {
    return this.headers.find(({ low }) => low === name)?.value
  }

  /** The values that matched in the rule being evaluated, in order. */
  get matched(): MatchedValue[] {
    return this.hits === 0 ? [] : [...this.earlier, { name: this.matchedName, text: this.matchedText }]
  }

  /** A new rule is evaluated. */
  forgetHits(): void {
    if (this.hits > 1) this.earlier = []
    this.hits = 0
  }

  /** A rule has matched this and nothing else. */
  noteOnly(name: string, text: string): void {
    this.forgetHits()
    this.hits = 1
    this.matchedName = name
    this.matchedText = text
  }

  /** Values of a variable; kept until what they come from changes. */
  values(id: number): Value[] {
    const known = this.variableValues[id]
    if (known !== undefined) return known
    const built = buildValues(this, id)
    if (VARIABLE_LIST[id]!.lifetime !== 'volatile') this.variableValues[id] = built
    return built
  }

  /** Values of a source: a variable, narrowed by a plain selector. */
  source(index: number): Value[] {
    const known = this.sourceValues[index]
    if (known !== undefined) return known
    const { info, selector } = this.rules.sources[index]!
    const all = this.values(info.id)
    const chosen = selector === null ? all : withKey(all, selector)
    if (info.lifetime !== 'volatile') this.sourceValues[index] = chosen
    return chosen
  }

  /** First value for a macro; empty when there is none. */
  first(id: number, selector: string | null): string {
    if (selector !== null && isPersistentId(id)) {
      return this.collections.get(VARIABLE_LIST[id]!.name)?.get(selector) ?? ''
    }
    for (const value of this.values(id)) if (selector === null || value.lowKey === selector) return value.text
    return ''
  }

  /** The record of a value's text. */
  recordOf(value: Value): StringRecord {
    value.record ??= this.record(value.text)
    return value.record
  }

  private record(text: string): StringRecord {
    const { strings } = this.plan
    const known = strings.find(text) ?? this.strings.get(text) ?? strings.offer(text)
    if (known !== undefined) return known
    const made = new StringRecord(text, strings.blank)
    this.strings.set(text, made)
    return made
  }

  /** Drops what was derived from things that have changed. */
  protected forget(lifetime: Lifetime): void {
    const variables = IDS_OF[lifetime]
    const sources = this.rules.dependents[lifetime]
    for (let i = 0; i < variables.length; i++) this.variableValues[variables[i]!] = undefined
    for (let i = 0; i < sources.length; i++) this.sourceValues[sources[i]!] = undefined
    this.candidates = null
  }

  /** Sends the changes of collections to their store; errors are the store's own business to report. */
  flushCollections(): void {
    for (const name of PERSISTENT) {
      const done = this.collections.get(name)?.flush()
      if (done !== undefined) done.catch(() => undefined)
    }
  }
}
