import type { Decision } from '@portcullis/core'
import type { Match, Transaction } from '@portcullis/seclang'
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

/**
 * A matched rule as a record: rule id, message, tags, severity, the variable and what of its value may be shown, and
 * the points that it added.
 */
export function finding(tx: Transaction, match: Match, redaction: Redaction): Decision {
  const { ruleId, phase, severity, variable, value, tags, disruption } = match
  const points = disruption === 'pass' ? pointsOf(tx, severity) : undefined
  const message = messageOf(match, redaction)
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
      ...(severity < 0 ? undefined : { severity: SEVERITIES[severity] ?? String(severity) }),
      ...(variable === '' ? undefined : { variable: printable(variable), value: redaction.shown(variable, value) }),
      ...(points === undefined ? undefined : { score: points }),
    },
  }
}

function pointsOf(tx: Transaction, severity: number): number | undefined {
  const name = POINTS[severity]
  const points = name === undefined ? undefined : tx.tx.get(name)
  return points === undefined ? undefined : Number(points)
}

/** A message may quote the matched value (`%{MATCHED_VAR}`): that is shown only where the value itself may be. */
function messageOf({ message, variable, value }: Match, redaction: Redaction): string {
  if (value === '' || value.length < 3 || !message.includes(value)) return printable(message)
  return printable(message.replaceAll(value, () => redaction.shown(variable, value)))
}

/** The names of the running scores, in the order of preference: CRS 4, CRS 3, the embedded rules. */
const INBOUND = ['blocking_inbound_anomaly_score', 'anomaly_score', 'embedded_score']
const OUTBOUND = ['blocking_outbound_anomaly_score', 'outbound_anomaly_score', 'embedded_outbound_score']

/** The score that a request or response has come to; undefined for rules that do not score. */
export function scoreOf(tx: Transaction, phase: number): number | undefined {
  for (const name of phase < 3 ? INBOUND : OUTBOUND) {
    const value = tx.tx.get(name)
    if (value !== undefined) return Number(value)
  }
  return undefined
}
