import { type JsonFault, Refusal } from '@portcullis/core'
import type { Mismatch } from './schema/compile.ts'

const FAULTS: Readonly<Record<JsonFault, string>> = {
  empty: 'there is none',
  encoding: 'it is not UTF-8',
  bom: 'it begins with a byte order mark',
  syntax: 'it is not JSON',
  depth: 'it nests too deep',
  keys: 'an object has too many members',
  items: 'a list has too many elements',
  'name-length': 'the name of a member is too long',
  'string-length': 'a text is too long',
  'duplicate-key': 'an object names a member twice',
  prototype: 'a member has a forbidden name',
  number: 'a number cannot be represented',
}

/** Makes refusals; with `verbose` they name the place and the keyword, never the value. */
export class Refusals {
  readonly typeNotAllowed: Refusal
  readonly encoded: Refusal
  readonly bodyMissing: Refusal
  readonly bodyUnexpected: Refusal
  readonly #verbose: boolean

  constructor(verbose: boolean) {
    this.#verbose = verbose
    this.typeNotAllowed = new Refusal(415, 'CONTENT_TYPE_NOT_ALLOWED', 'The content type is not allowed here')
    this.encoded = new Refusal(415, 'CONTENT_TYPE_NOT_ALLOWED', 'Encoded bodies are not allowed here')
    this.bodyMissing = this.body('there is none', { keyword: 'required' })
    this.bodyUnexpected = this.body('none is expected here', { keyword: 'body' })
  }

  /** The bytes are not what they are declared to be. */
  json(fault: JsonFault): Refusal {
    return this.body(FAULTS[fault], { keyword: fault })
  }

  /** The value breaks the schema. */
  bodyMismatch(mismatch: Mismatch): Refusal {
    return this.body(describe(mismatch), { at: mismatch.at, keyword: mismatch.keyword })
  }

  body(reason: string, detail: Readonly<Record<string, string>>): Refusal {
    return new Refusal(400, 'BODY_INVALID', this.#message('The request body is not valid', reason), { detail })
  }

  /** @param where `query parameter "page"` */
  parameter(where: string, mismatch: Mismatch): Refusal {
    return new Refusal(
      400,
      'PARAMETER_INVALID',
      this.#message('A request parameter is not valid', `${where}: ${describe(mismatch)}`),
      { detail: { parameter: where, at: mismatch.at, keyword: mismatch.keyword } },
    )
  }

  #message(short: string, reason: string): string {
    return this.#verbose ? `${short}: ${reason}` : short
  }
}

function describe({ at, keyword, message }: Mismatch): string {
  return `${at === '' ? '' : `${at} `}${message} (${keyword})`
}
