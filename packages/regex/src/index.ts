/** Regular expressions over byte strings, in PCRE's syntax or RE2's, matched in linear time. */
import { CompiledRegex } from './regex.ts'
import type { Regex, RegexOptions } from './types.ts'

export { RegexGroup } from './group.ts'
export { LiteralScanner } from './scanner.ts'
export { MatchLimitError, type Regex, type RegexMatch, type RegexOptions, RegexSyntaxError } from './types.ts'

/**
 * Compiles a pattern in the dialect of PCRE2 without UTF mode, with ModSecurity's compile options as defaults (`.`
 * matches a line feed, `$` only the very end), or of RE2.
 * @param pattern one character per byte for PCRE, text for RE2
 * @throws RegexSyntaxError for a malformed pattern or one outside the subset: recursion, conditionals, `\p`, verbs
 */
export function compileRegex(pattern: string, options: RegexOptions = {}): Regex {
  return new CompiledRegex(pattern, options)
}
