import type { BodyTexts } from './bodies.ts'
import type { Entry } from './entry.ts'
import type { FieldWriter } from './expression.ts'
import type { Redaction } from './redaction.ts'

/** What the writers of all formats work with; made once, at start. */
export interface LineOptions {
  redaction: Redaction
  /** Names as JSON member names (`"user":`) with what writes their values. */
  fields: readonly { key: string; write: FieldWriter }[]
  headers: boolean
  clock: Clock
}

/** Makes one line of one entry, newline included. */
export type LineWriter = (entry: Entry, bodies?: BodyTexts) => string

/** Milliseconds since 1970 as RFC 3339 in UTC; the part that is the same for a whole second is kept. */
export class Clock {
  #second = Number.NaN
  #text = ''

  format(time: number): string {
    const whole = Math.floor(time)
    const milliseconds = whole % 1000
    if (whole - milliseconds !== this.#second) {
      this.#second = whole - milliseconds
      this.#text = new Date(this.#second).toISOString().slice(0, 20)
    }
    return `${this.#text}${milliseconds < 10 ? '00' : milliseconds < 100 ? '0' : ''}${milliseconds}Z`
  }
}

/** Milliseconds with three decimals. */
export function milliseconds(value: number): number {
  return Math.round(value * 1000) / 1000
}

/** `,"name":value` for every custom field that has a value. */
export function fieldsText(entry: Entry, { fields }: LineOptions): string {
  let text = ''
  for (const { key, write } of fields) {
    const value = write(entry)
    if (value !== undefined) text += `,${key}${value}`
  }
  return text
}

/** The custom fields as an object; undefined when none has a value. */
export function fieldValues(entry: Entry, options: LineOptions): Record<string, unknown> | undefined {
  const text = fieldsText(entry, options)
  return text === '' ? undefined : (JSON.parse(`{${text.slice(1)}}`) as Record<string, unknown>)
}

/** Names of the record's own fields that custom fields cannot have; a custom `latency` stands in place of ours. */
export const RESERVED: ReadonlySet<string> = new Set([
  'time',
  'outcome',
  'request',
  'client',
  'response',
  'tls',
  'decisions',
  'decision',
  'identity',
  'identities',
  'rate_limit',
  'upstream',
  'endpoint',
  'facts',
])
