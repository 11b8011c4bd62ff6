import type { Rule } from './model.ts'
import type { Transaction } from './transaction.ts'

/** Notes that a rule has matched, with the value that did it. */
export function record(tx: Transaction, rule: Rule): void {
  // Rules that only steer leave no trace, which keeps gates and initialisation cheap.
  if (!rule.log && rule.disruption === 'pass' && !tx.rules.options.recordAll) return
  tx.matches.push({
    ruleId: rule.id,
    phase: rule.phase,
    message: rule.message?.expand(tx) ?? '',
    logData: rule.logData?.expand(tx) ?? '',
    tags: rule.tags,
    severity: rule.severity,
    variable: tx.matchedName,
    value: tx.matchedText,
    logged: rule.log,
    auditLogged: rule.auditLog,
    disruption: rule.disruption,
    version: rule.version,
    revision: rule.revision,
    maturity: rule.maturity,
    accuracy: rule.accuracy,
    file: rule.file,
    line: rule.line,
  })
}
