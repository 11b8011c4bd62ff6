import type { Decision } from '@portcullis/core'
import type { Match, Transaction } from '@portcullis/seclang'
import type { LoadedRules } from './load.ts'
import { printable, type Redaction } from './redaction.ts'

/** ModSecurity's names of the severities 0 to 7. */
const SEVERITIES = ['EMERGENCY', 'ALERT', 'CRITICAL', 'ERROR', 'WARNING', 'NOTICE', 'INFO', 'DEBUG']
/** TX variables with the points of a severity, as the Core Rule Set names them. */
const POINTS: Readonly<Record<number, string>> = {
  2: 'critical_anomaly_score',
  3: 'error_anomaly_score',
  4: 'warning_anomaly_score',
  5: 'notice_anomaly_score',
}

/** What is known of the rules, and of secrets. */
export interface KnownRules {
  loaded: LoadedRules
  redaction: Redaction
}

/**
 * A matched rule as a record: rule id, message, tags, severity, the variable and what of its value may be shown, and
 * the points that it added.
 */
export function finding(tx: Transaction, match: Match, known: KnownRules): Decision {
  const { ruleId, phase, severity, variable, value, tags, disruption } = match
  const points = disruption === 'pass' ? pointsOf(tx, severity) : undefined
  const { redaction } = known
  const message = printable(messageOf(match, known))
  return {
    component: 'waf',
    code: `RULE_${ruleId}`,
    mode: 'record',
    message,
    detail: {
      rule_id: ruleId,
      phase,
      message,
      tags,
      ...(severity < 0 ? undefined : { severity: severityName(severity) }),
      ...(variable === '' ? undefined : { variable: printable(variable), value: redaction.shown(variable, value) }),
      ...(points === undefined ? undefined : { score: points }),
    },
  }
}

/** The name of a severity, or its number when it has none. */
export function severityName(severity: number): string {
  return SEVERITIES[severity] ?? String(severity)
}

/** What a match of this severity adds to the score, in rule sets that score as the Core Rule Set does. */
export function pointsOf(tx: Transaction, severity: number): number | undefined {
  const name = POINTS[severity]
  const points = name === undefined ? undefined : tx.tx.get(name)
  return points === undefined ? undefined : Number(points)
}

/** Macros that stand for what was matched. */
const QUOTES = /%\{(?:tx\.[0-9]|matched_vars?|args|request_|response_)/i

/**
 * A match's message. One that quotes what was matched stays as it was written, macros and all, where that may not be
 * shown: a cookie, a password, what a chain has captured on its way.
 */
export function messageOf({ ruleId, message, variable, value }: Match, { loaded, redaction }: KnownRules): string {
  const rule = loaded.byId.get(ruleId)
  if (rule === undefined || !QUOTES.test(rule.rawMessage)) return message
  if (rule.first.next !== null || !redaction.mayShow(variable)) return rule.rawMessage
  return value === '' ? message : message.replaceAll(value, () => redaction.shown(variable, value))
}

/** The names of the running scores, in the order of preference: CRS 4, CRS 3, the embedded rules. */
const INBOUND = ['blocking_inbound_anomaly_score', 'anomaly_score', 'embedded_score']
const OUTBOUND = ['blocking_outbound_anomaly_score', 'outbound_anomaly_score', 'embedded_outbound_score']

/** The score at which a request is refused; undefined for rules that do not score. */
export function thresholdOf(tx: Transaction): number | undefined {
  const value = tx.tx.get('inbound_anomaly_score_threshold')
  return value === undefined ? undefined : Number(value)
}

/** The score that a request or response has come to; undefined for rules that do not score. */
export function scoreOf(tx: Transaction, phase: number): number | undefined {
  for (const name of phase < 3 ? INBOUND : OUTBOUND) {
    const value = tx.tx.get(name)
    if (value !== undefined) return Number(value)
  }
  return undefined
}
