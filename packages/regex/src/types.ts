/** Public types and errors of the regular expression engine. */

/** How a pattern is compiled. */
export interface RegexOptions {
  /** `re2` takes a pattern as text and is always linear. Default `pcre`, which takes one character per byte. */
  syntax?: 'pcre' | 're2'
  /** The pattern must match the whole subject. Default false. */
  whole?: boolean
  /** ASCII letters match both cases (PCRE_CASELESS). Default false. */
  caseless?: boolean
  /** `^` and `$` also match at line ends (PCRE_MULTILINE). Default false. */
  multiline?: boolean
  /**
   * `.` matches a line feed (PCRE_DOTALL). Default true for PCRE, as ModSecurity compiles its patterns so; false for
   * RE2, as everywhere.
   */
  dotAll?: boolean
  /** Longest subject, in bytes, that a pattern no automaton can run may see. Default 262,144; steps are bounded as well. */
  matchLimitBytes?: number
}

/** One match of a pattern. */
export interface RegexMatch {
  /** Offset of the match in bytes from the start of the subject. */
  index: number
  /** The whole match, then each capture group; undefined for a group that took no part. */
  captures: (string | undefined)[]
}

/** A compiled pattern. Subjects are byte strings: one character per byte, 0-255. */
export interface Regex {
  /** The pattern as it was given. */
  readonly source: string
  /** True when automata run it, in time linear in the subject; false for lookaround, backreferences and atomic groups. */
  readonly linear: boolean
  /**
   * Lower-cased strings of which every match contains at least one, whatever the case; undefined when nothing useful
   * is required.
   */
  readonly literals: readonly string[] | undefined
  /** Instructions it is made of, roughly, with counted repetitions written out: the worst cost of a byte. */
  readonly size: number
  /** Length of the shortest possible match, in bytes. */
  readonly minLength: number
  /** A set of bytes (8 words of 32 bits) of which every match contains at least one; undefined when it would be too wide. */
  readonly byteClass: Uint32Array | undefined
  /**
   * Does the pattern match anywhere in the subject?
   * @throws MatchLimitError when a non-linear pattern meets its length or step limit
   */
  test(subject: string): boolean
  /**
   * The leftmost match with its captures, chosen among those that start there as PCRE does.
   * @throws MatchLimitError as `test`
   */
  exec(subject: string): RegexMatch | null
  /**
   * Successive matches that do not overlap, at most `max` of them.
   * @throws MatchLimitError as `test`
   */
  execAll(subject: string, max: number): RegexMatch[]
}

/** A pattern that is malformed or uses a construct the engine does not run; the message gives what and the offset. */
export class RegexSyntaxError extends Error {
  override readonly name = 'RegexSyntaxError'
  /** Offset in the pattern, in bytes. */
  readonly offset: number

  /** @param offset where in the pattern, in bytes */
  constructor(what: string, offset: number) {
    super(`${what} at offset ${offset}`)
    this.offset = offset
  }
}

/** A non-linear pattern ran into its limit of subject length or steps, like PCRE's match limit. */
export class MatchLimitError extends Error {
  override readonly name = 'MatchLimitError'
}
