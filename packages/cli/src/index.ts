/**
 * The command line: `portcullis run`, `check`, `audit`, `version`. Everything a program needs to run a gateway without
 * an app of its own; the work is the umbrella's.
 */
export { type AuditFinding, audit } from './audit.ts'
export { type CheckResult, check } from './check.ts'
export { main } from './main.ts'
export { type RunningGateway, type RunOptions, run } from './run.ts'
export { type WafTestResult, wafTest } from './waf-test.ts'
