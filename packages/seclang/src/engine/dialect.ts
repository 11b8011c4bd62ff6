/** The ways in which engines of the language differ, and the reading that each dialect takes. */

/** Name of a dialect. */
export type Dialect = 'portcullis' | 'modsecurity2' | 'libmodsecurity3'

/** One engine's readings. */
export interface Reading {
  /**
   * Backslashes in arguments. `pairs`: each pair is one, as for httpd. `keep`: all stay, as for libmodsecurity 3.
   * `meaning`: four are two and two stay, because authors who write for httpd quote one literal backslash of a pattern as
   * four, all others as two, and hardly anybody looks for two in a row.
   */
  readonly backslashes: 'pairs' | 'keep' | 'meaning'
  /**
   * Where `^` and `$` match. `value`: at the ends of the value (`$` not before a final line feed). `line`: at the ends of
   * lines as well. `strict`: the reading under which more is refused, which is `line` for what a rule refuses and `value`
   * for what it lets pass.
   */
  readonly anchors: 'value' | 'line' | 'strict'
  /** Whether REQUEST_URI is percent-decoded. */
  readonly decodedUri: boolean
  /** Whether REQUEST_BODY is there for bodies that a processor takes apart, too. */
  readonly everyBody: boolean
}

/** The readings by dialect. */
export const DIALECTS: Readonly<Record<Dialect, Reading>> = {
  portcullis: { backslashes: 'meaning', anchors: 'strict', decodedUri: true, everyBody: false },
  modsecurity2: { backslashes: 'pairs', anchors: 'value', decodedUri: false, everyBody: false },
  libmodsecurity3: { backslashes: 'keep', anchors: 'line', decodedUri: true, everyBody: true },
}
