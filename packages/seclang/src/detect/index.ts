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

const CLEAN: InjectionVerdict = { hit: false, fingerprint: '' }

/** Says whether `value` looks like SQL injection. */
export function detectSqli(value: string): InjectionVerdict {
  return /\bunion\b[^]*\bselect\b/i.test(value) ? { hit: true, fingerprint: 'UE' } : CLEAN
}

/** Says whether `value` looks like cross-site scripting. */
export function detectXss(value: string): InjectionVerdict {
  return /<script|javascript:/i.test(value) ? { hit: true, fingerprint: '' } : CLEAN
}

/** The detector that ships with the engine. */
export const builtinDetector: InjectionDetector = { sqli: detectSqli, xss: detectXss }
