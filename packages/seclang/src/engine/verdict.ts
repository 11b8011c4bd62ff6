/** What comes out of a transaction. */

/** Addresses of a request; only `clientIp` matters to the Core Rule Set. */
export interface Connection {
  readonly clientIp: string
  readonly clientPort?: number
  readonly serverIp?: string
  readonly serverPort?: number
  /** Id of the request for UNIQUE_ID and the audit log; made up when missing. */
  readonly uniqueId?: string
  /** Name the client authenticated with, for REMOTE_USER. */
  readonly remoteUser?: string
  /** Values of ENV. */
  readonly environment?: Readonly<Record<string, string>>
}

/** An interruption: what the rules want done with the request or response. */
export interface Verdict {
  /** `allow` is not an interruption of the request but of the rules: no more of them run. */
  readonly action: 'deny' | 'drop' | 'redirect' | 'allow'
  /** HTTP status to answer with. */
  readonly status: number
  /** Rule that decided; 0 for a limit of the engine. */
  readonly ruleId: number
  readonly phase: number
  readonly message: string
  /** Where to, for `redirect`. */
  readonly location?: string
}

/** A rule that matched. */
export interface Match {
  readonly ruleId: number
  readonly phase: number
  readonly message: string
  readonly logData: string
  readonly tags: readonly string[]
  /** 0 (emergency) to 7 (debug), -1 when the rule names none. */
  readonly severity: number
  /** Name of the value that matched, as `ARGS:token`; that of the last link of a chain. */
  readonly variable: string
  /** The value after transformations, as a byte string. */
  readonly value: string
  /** False for `nolog`: the rule steers others and is no finding. */
  readonly logged: boolean
  /** Whether the audit log should be written for it. */
  readonly auditLogged: boolean
  /** What the rule asks for besides being recorded. */
  readonly disruption: string
  readonly version: string
  readonly revision: string
  readonly maturity: number
  readonly accuracy: number
  readonly file: string
  readonly line: number
}
