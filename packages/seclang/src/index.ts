/**
 * An engine for the ModSecurity SecRule language: it loads rules such as the OWASP Core Rule Set unmodified and runs them
 * over requests and responses, without a web server in it.
 *
 * The story in a minute: `loadRules` reads files and text (`language/`), checks every name and compiles each rule
 * (`engine/compile.ts`) into targets, a chain of transformations (`transform/`), an operator (`operators/`, `@portcullis/regex`,
 * `detect/`) and effects. For each request `rules.transaction()` makes a `Transaction` (`engine/transaction.ts`), which is
 * fed what came over the wire as byte strings, reads bodies (`body/`) and runs phase after phase (`engine/evaluate.ts`).
 * It is quick because each distinct string is looked at once (`engine/strings.ts`), not once for each rule: a plan
 * (`engine/plan.ts`) turns that look into masks, and most rules cost one bit test. Collections that outlive a request go
 * through a `CollectionStore` (`store/`).
 */

export { type AuditEntry, type AuditMessage, auditEntry, wantsAuditEntry } from './audit.ts'
export type { CrsOptions } from './crs.ts'
export { builtinDetector, type InjectionDetector, type InjectionVerdict } from './detect/index.ts'
export type { EngineConfig, EngineMode } from './engine/config.ts'
export type { EngineOptions, RuleSet } from './engine/ruleset.ts'
export type { PhaseResult, Transaction } from './engine/transaction.ts'
export type { Connection, Match, Verdict } from './engine/verdict.ts'
export { type Mistake, type Position, SecLangError } from './errors.ts'
export { type Explanation, explain } from './explain.ts'
export { RuleFiles } from './files.ts'
export { type LoadOptions, loadRules, loadRulesAsync, type RuleText } from './load.ts'
export { MemoryCollections, type MemoryStoreOptions } from './store/memory.ts'
export {
  applyChange,
  type CollectionStore,
  dropLapsed,
  emptyRecord,
  type StoredChange,
  type StoredRecord,
} from './store/types.ts'
