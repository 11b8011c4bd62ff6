/** One request on its way past the rules, from its head to its response. */
import { type Decision, Refusal, StoreUnavailableError } from '@portcullis/core'
import type { CollectionStore, Connection, PhaseResult, Transaction, Verdict } from '@portcullis/seclang'
import { finding, scoreOf } from './findings.ts'
import type { LoadedRules, RuleLimits } from './load.ts'
import type { Redaction } from './redaction.ts'
import { refusalOf, STORE_UNAVAILABLE } from './refusals.ts'
import type { UnreadBody } from './unread-body.ts'

/** What all requests of a block have in common. */
export interface InspectionPlan {
  loaded: LoadedRules
  /** Rules left out, by index. */
  excluded: Uint8Array | undefined
  store: CollectionStore
  limits: RuleLimits
  inspectResponses: boolean
  /** Nothing is refused, what would have been is recorded. */
  monitor: boolean
  /** The block says so: it wins over SecRuleEngine. */
  enforced: boolean
  redaction: Redaction
  /** Counts matched rules, for the metrics. */
  count: (matches: number) => void
}

const INTERRUPTIONS: Readonly<Record<string, 'deny' | 'drop' | 'redirect' | undefined>> = {
  deny: 'deny',
  drop: 'drop',
  redirect: 'redirect',
}

/** A refusal, or nothing; later when a collection has to be loaded. */
export type Decided = undefined | Refusal | Promise<undefined | Refusal>

/** Who keeps the record: the request's state. */
export interface Recorder {
  record: (decision: Decision) => void
}

/** A transaction of the engine, and what came of it so far. */
export class Inspection {
  readonly tx: Transaction
  readonly plan: InspectionPlan
  /** A body that Fastify does not read. */
  unread: UnreadBody | undefined
  #recorded = 0
  #wouldRefuse = false
  #finished = false
  #bodySeen = false
  /** A look for the record only that waits for a collection. */
  #looking: Promise<unknown> | undefined
  readonly #id: string
  readonly #recorder: Recorder

  /** @param id the request's, which the client is told. */
  constructor(plan: InspectionPlan, id: string, connection: Connection, recorder: Recorder) {
    this.plan = plan
    this.#id = id
    this.#recorder = recorder
    this.tx = plan.loaded.rules.transaction(connection)
    this.tx.store = plan.store
    if (plan.monitor && this.tx.engine === 'On') this.tx.engine = 'DetectionOnly'
    else if (plan.enforced) this.tx.engine = 'On'
    if (plan.excluded !== undefined) this.tx.removed = plan.excluded.slice()
    // A body that no processor takes apart is there for the rules as a whole.
    this.tx.forceBodyVariable = true
    this.tx.requestBodyLimit = plan.limits.requestBody
    this.tx.responseBodyLimit = plan.limits.responseBody
    this.tx.responseBodyAccess = plan.inspectResponses
  }

  /** The rules that look at the request line and the headers, which `tx` was given. */
  head(): Decided {
    return this.#settle(this.tx.phase1())
  }

  /** The rules that look at the body, and at everything again. */
  body(bytes: Buffer | undefined): Decided {
    this.#bodySeen = true
    if (bytes !== undefined) this.tx.requestBody(bytes)
    return this.#settle(this.tx.phase2())
  }

  /** Most bytes of the request's body that are looked at. */
  bodyLimit(contentType: string | undefined): number {
    const { requestBodyLimit } = this.tx
    const isMultipart = contentType?.toLowerCase().startsWith('multipart/') === true
    return isMultipart ? requestBodyLimit : Math.min(requestBodyLimit, this.plan.limits.requestBodyWithoutFiles)
  }

  /** Both, for a request without a body. */
  headAlone(): Decided {
    const refusal = this.head()
    if (refusal === undefined) return this.body(undefined)
    if (refusal instanceof Refusal) return refusal
    return refusal.then((early) => early ?? this.body(undefined))
  }

  /** Both, for a request that others have refused already: nothing comes of it but records. */
  forTheRecord(): void {
    const done = this.headAlone()
    if (isPromise(done)) this.#looking = done.catch(() => undefined)
  }

  /** Tells what the response is, for the rules that look at its status and headers. */
  seeResponse(status: number, headers: readonly string[]): void {
    this.tx.responseHeaders(status, headers)
  }

  /** The rules that look at the response's headers. */
  responseHead(): Decided {
    return this.#settle(this.tx.phase3())
  }

  /** The rules that look at the response's body. */
  responseBody(bytes: Buffer | undefined): Decided {
    if (bytes !== undefined) this.tx.responseBody(bytes)
    return this.#settle(this.tx.phase4())
  }

  /** The rules for logging; once. @returns a promise, which never rejects, when they wait for a collection. */
  finish(): void | Promise<void> {
    if (this.#finished) return undefined
    this.#finished = true
    const done = this.#looking === undefined ? this.#last() : this.#looking.then(() => this.#last())
    return isPromise(done) ? done.catch(() => undefined) : undefined
  }

  #last(): void | Promise<void> {
    // Refused by others before its body was read: the rules of phase 2 still see the head, and counters count.
    if (!this.#bodySeen && this.tx.engine !== 'Off') {
      this.tx.engine = 'DetectionOnly'
      const late = this.tx.phase2()
      if (isPromise(late)) return late.then(() => this.#log())
    }
    return this.#log()
  }

  #log(): void | Promise<void> {
    const done = this.tx.phase5()
    if (isPromise(done)) return done.then(() => this.#record())
    this.#record()
    return undefined
  }

  /**
   * What becomes of a refusal. Monitoring is done here and not by core: a response that was read must go on as what
   * was made of it, and a block inherits its mode.
   */
  refuse(refusal: Refusal): Refusal | undefined {
    if (!this.plan.monitor) return refusal
    const { code, status, message, detail } = refusal
    this.#recorder.record({ component: 'waf', code, mode: 'monitor', status, message, ...(detail && { detail }) })
    return undefined
  }

  #settle(result: PhaseResult): Decided {
    if (!isPromise(result)) return this.#conclude(result)
    return result.then(
      (verdict) => this.#conclude(verdict),
      (error: unknown) => {
        if (error instanceof StoreUnavailableError) return this.refuse(STORE_UNAVAILABLE)
        throw error
      },
    )
  }

  #conclude(verdict: Verdict | undefined): Refusal | undefined {
    const { matches } = this.tx
    if (matches.length === this.#recorded && verdict === undefined) return undefined
    const found = verdict ?? this.#wouldBe(this.#recorded)
    this.#record()
    if (found === undefined || found.action === 'allow') return undefined
    if (this.#wouldRefuse) return undefined
    this.#wouldRefuse = this.plan.monitor
    return this.refuse(refusalOf(found, { id: this.#id, score: scoreOf(this.tx, found.phase) }))
  }

  /** In monitor mode the rules interrupt nothing: the first that would have is the refusal. */
  #wouldBe(from: number): Verdict | undefined {
    if (!this.plan.monitor) return undefined
    const { matches } = this.tx
    for (let i = from; i < matches.length; i++) {
      const { ruleId, phase, message, disruption } = matches[i]!
      const action = INTERRUPTIONS[disruption]
      if (action === undefined || phase === 5) continue
      const status = this.plan.loaded.byId.get(ruleId)?.status ?? 403
      return { action, status: action === 'redirect' && status >= 400 ? 302 : status, ruleId, phase, message }
    }
    return undefined
  }

  /** Every rule that matched and wants to be logged, once. */
  #record(): void {
    const { matches } = this.tx
    let logged = 0
    for (; this.#recorded < matches.length; this.#recorded++) {
      const match = matches[this.#recorded]!
      if (!match.logged) continue
      logged++
      this.#recorder.record(finding(this.tx, match, this.plan))
    }
    if (logged > 0) this.plan.count(logged)
  }
}

/** Is it a promise? Phases are synchronous unless a collection is loaded from a store that answers later. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function'
}
