/** Request headers, remembered by their places: clients send nearly the same ones again and again. */

import type { NamedValue } from '../body/types.ts'
import { VARIABLES } from '../language/names.ts'
import { Value } from './value.ts'

/** A header with its values for REQUEST_HEADERS and REQUEST_HEADERS_NAMES. Transactions with the same plan share it. */
export class Header implements NamedValue {
  readonly key: string
  readonly value: string
  /** The name in lower case. */
  readonly low: string
  readonly member: Value
  readonly name: Value

  /** @param like a header of the same name */
  constructor(key: string, value: string, like: Header | undefined) {
    this.key = key
    this.value = value
    this.member = new Value(HEADERS, key, value)
    this.name = like?.name ?? new Value(NAMES, key, key)
    this.low = this.name.lowKey
  }
}

const HEADERS = VARIABLES.get('REQUEST_HEADERS')!.id
const NAMES = VARIABLES.get('REQUEST_HEADERS_NAMES')!.id

/** Headers that are remembered, and the longest in bytes. */
const PLACES = 64
const LONG = 1024

/** The headers of the request before, which belong to a plan as the records of strings do. */
export class HeaderMemory {
  private readonly places: Header[] = []

  /** The header at a place; comparing it with the last one there costs less than looking its strings up. */
  header(place: number, key: string, value: string): Header {
    const last = this.places[place]
    const like = last !== undefined && last.key === key ? last : undefined
    if (like !== undefined && like.value === value) return like
    const made = new Header(key, value, like)
    if (place < PLACES && key.length + value.length <= LONG) this.places[place] = made
    return made
  }
}
