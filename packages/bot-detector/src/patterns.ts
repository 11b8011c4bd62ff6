import { compileRegex, type Regex, RegexGroup } from '@portcullis/regex'

/** Largest size of all patterns together: what patterns of any sensible size need a hundredth of. */
const MAX_SIZE = 20_000

/**
 * Compiles one pattern.
 *
 * @param text in RE2's syntax.
 * @throws RegexSyntaxError for what RE2 does not have, and for Unicode classes.
 */
export function compilePattern(text: string): Regex {
  return compileRegex(text, { syntax: 're2' })
}

/**
 * Compiles patterns into one automaton, which reads each character of a User-Agent once.
 *
 * @throws RegexSyntaxError as {@link compilePattern}; RangeError when the patterns are too large together.
 */
export function compilePatterns(texts: readonly string[]): RegexGroup {
  const compiled = texts.map(compilePattern)
  if (compiled.reduce((sum, { size }) => sum + size, 0) > MAX_SIZE) throw new RangeError('the patterns are too large')
  return new RegexGroup(compiled.map((regex, id) => ({ id, regex })))
}
