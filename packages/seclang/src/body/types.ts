/** What a body processor hands over. */

/** A named value of the request; byte strings. */
export interface NamedValue {
  readonly key: string
  readonly value: string
}

/** Why a body could not be read. */
export interface BodyError {
  readonly message: string
}
