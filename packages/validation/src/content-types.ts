import { type MediaType, parseMediaType } from '@portcullis/core'

/** One entry of a list of content types: `application/json`, `application/*+json`, `text/*`, `text/plain; charset=utf-8`. */
interface Entry {
  type: string
  subtype: string
  parameters: ReadonlyMap<string, string>
}

/** Is this text an entry of such a list? */
export function isTypeEntry(text: string): boolean {
  return parseMediaType(text) !== undefined
}

/** Which content types are taken. A parameter that an entry states must be there, as Kong has it. */
export class ContentTypes {
  readonly #entries: readonly Entry[]

  /** @param entries media types or ranges, checked by {@link isTypeEntry}. */
  constructor(entries: readonly string[]) {
    this.#entries = entries.map((entry) => parseMediaType(entry)!)
  }

  allows(media: MediaType): boolean {
    return this.#entries.some((entry) => matches(entry, media))
  }
}

function matches(entry: Entry, media: MediaType): boolean {
  if (entry.type !== '*' && entry.type !== media.type) return false
  if (!subtypeMatches(entry.subtype, media.subtype)) return false
  for (const [name, value] of entry.parameters) {
    const given = media.parameters.get(name)
    if (given === undefined || given.toLowerCase() !== value.toLowerCase()) return false
  }
  return true
}

function subtypeMatches(entry: string, subtype: string): boolean {
  if (entry === '*' || entry === subtype) return true
  return entry.startsWith('*+') && subtype.length >= entry.length && subtype.endsWith(entry.slice(1))
}

/** How near an entry of an OpenAPI `content` map is to a type: exact 3, suffix 2, `type/*` 1, any 0; -1 = not at all. */
export function nearness(entry: string, media: MediaType): number {
  const parsed = parseMediaType(entry)
  if (parsed === undefined || !matches({ ...parsed, parameters: new Map() }, media)) return -1
  if (parsed.essence === media.essence) return 3
  if (parsed.subtype.startsWith('*+')) return 2
  return parsed.type === '*' ? 0 : 1
}
