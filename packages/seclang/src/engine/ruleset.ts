/** All rules of a gateway, compiled; immutable but for the plan, which follows what requests ask for. */

import { compileRegex, type Regex } from '@portcullis/regex'
import type { Lifetime, VariableInfo } from '../language/names.ts'
import { MemoryCollections } from '../store/memory.ts'
import type { CollectionStore } from '../store/types.ts'
import type { EngineConfig } from './config.ts'
import { DIALECTS, type Dialect, type Reading } from './dialect.ts'
import type { Predicate, Rule } from './model.ts'
import { makePlan, type Plan } from './plan.ts'
import { SlotTable } from './slots.ts'
import { Transaction } from './transaction.ts'
import type { Connection } from './verdict.ts'

/** A variable, narrowed by a plain selector. */
export interface Source {
  readonly info: VariableInfo
  readonly selector: string | null
}

/** Switches for the ways in which engines differ. */
export interface EngineOptions {
  /**
   * Where engines differ: `portcullis` (the default) takes the reading that rules evidently mean and under which more is
   * refused; the others read as ModSecurity 2 under httpd and as libmodsecurity 3 do.
   */
  dialect: Dialect
  /** Record also rules with `nolog`; for explaining. */
  recordAll: boolean
}

/** Milliseconds between two plans. */
const PLAN_INTERVAL = 10_000

/** Compiled rules; thread-safe in that a transaction changes nothing but the caches. */
export class RuleSet {
  readonly config: EngineConfig
  readonly options: EngineOptions
  readonly reading: Reading
  readonly store: CollectionStore
  readonly slots: SlotTable = new SlotTable()
  /** Rules by phase, 1 to 5. */
  readonly phases: Rule[][] = [[], [], [], [], [], []]
  readonly all: Rule[] = []
  readonly sources: Source[] = []
  readonly predicates: Predicate[] = []
  /** Sources of the variables of each lifetime. */
  readonly dependents: Readonly<Record<Lifetime, number[]>> = { request: [], body: [], response: [], volatile: [] }
  private readonly used = new Set<Predicate>()
  private plan: Plan | undefined
  /** A better plan can be made. */
  private isStale = false
  /** When the plan was made, in milliseconds since 1970. */
  private planned = 0
  private relevant: Regex | undefined

  constructor(config: EngineConfig, options: EngineOptions, store: CollectionStore) {
    this.config = config
    this.options = options
    this.reading = DIALECTS[options.dialect]
    this.store = store
  }

  /** Number of rules. */
  get size(): number {
    return this.all.length
  }

  /** Whether SecAuditLogRelevantStatus names the status. */
  isRelevantStatus(status: string): boolean {
    this.relevant ??= compileRegex(this.config.auditLogRelevantStatus)
    return this.relevant.test(status)
  }

  /** Starts a transaction for one request. */
  transaction(connection: Connection): Transaction {
    return new Transaction(this, this.prepared(), connection)
  }

  /** Makes the plan if there is none, which otherwise the next transaction does. */
  prepared(): Plan {
    if (this.plan === undefined || this.isStale) {
      // Should there be no memory for a new plan, the one in force goes on to serve.
      this.isStale = false
      this.planned = Date.now()
      this.plan = makePlan(this, this.used)
    }
    return this.plan
  }

  /** Notes that a predicate is asked often; from the next transaction on it is part of the plan. */
  promote(predicate: Predicate): void {
    // A new plan takes tens of milliseconds, so that nobody may ask for one at every request.
    if (this.used.has(predicate) || Date.now() - this.planned < PLAN_INTERVAL) return
    // One new plan takes in everything that was asked at all, so that there are few of them.
    for (const other of this.predicates) if (other === predicate || other.asked > 40) this.used.add(other)
    this.isStale = true
  }

  /**
   * Runs an empty request and response and takes into the plan what they ask; rules behind a gate that is closed, as those
   * of higher paranoia levels, stay out of it.
   */
  warmUp(): void {
    const probe = this.transaction({ clientIp: '127.0.0.1' })
    probe.reached = new Set()
    probe.engine = 'DetectionOnly'
    probe.store = new MemoryCollections()
    probe.requestLine('GET', '/?a=b', 'HTTP/1.1')
    probe.requestHeaders(['Host', 'a.example', 'User-Agent', 'a', 'Accept', '*/*'])
    void probe.phase1()
    void probe.phase2()
    probe.responseHeaders(200, ['Content-Type', 'text/html'])
    probe.responseBody(Buffer.from('a'))
    void probe.phase3()
    void probe.phase4()
    for (const predicate of probe.reached) this.used.add(predicate)
    this.plan = undefined
  }
}
