import { isPlain } from './sql-plain.ts'
import { sqliFingerprint } from './sqli.ts'
import { isXss } from './xss.ts'

/** What a detector says of one value. */
export interface InjectionVerdict {
  /** Whether the value looks like an injection. */
  hit: boolean
  /** The fingerprint that matched; `''` for XSS and where nothing matched. */
  fingerprint: string
}

/** The two detectors behind `@detectSQLi` and `@detectXSS`; values are byte strings (one character per byte). */
export interface InjectionDetector {
  /** Looks for SQL injection. */
  sqli(value: string): InjectionVerdict
  /** Looks for cross-site scripting. */
  xss(value: string): InjectionVerdict
}

const CLEAN: InjectionVerdict = Object.freeze({ hit: false, fingerprint: '' })
const XSS: InjectionVerdict = Object.freeze({ hit: true, fingerprint: '' })

/** Says whether `value` looks like SQL injection. */
export function detectSqli(value: string): InjectionVerdict {
  if (isPlain(value)) return CLEAN
  const fingerprint = sqliFingerprint(value)
  return fingerprint === '' ? CLEAN : { hit: true, fingerprint }
}

/** Says whether `value` looks like cross-site scripting. */
export function detectXss(value: string): InjectionVerdict {
  // a tag needs its bracket and an attribute its equals sign: without either there is nothing to run
  return (value.includes('<') || value.includes('=')) && isXss(value) ? XSS : CLEAN
}

/** The detector that ships with the engine. */
export const builtinDetector: InjectionDetector = { sqli: detectSqli, xss: detectXss }
