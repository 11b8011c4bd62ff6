import { IpSet, parseAddress } from '@portcullis/core'

/** A list of entries that was read from a file. */
export interface ParsedEntries {
  entries: string[]
  /** What is wrong, with the line: `line 3: …`. */
  mistakes: string[]
}

/**
 * What is wrong with one entry of a list, undefined when nothing is.
 *
 * An entry is an address or a CIDR range. Host bits of a range are ignored, as every firewall does. What libraries
 * read in surprising ways is refused: octal (`010.0.0.1`), an empty length (`10.0.0.0/` is `/0` to some), zones.
 */
export function entryMistake(entry: string): string | undefined {
  try {
    new IpSet([entry])
  } catch {
    return `expected an IP address or a CIDR range such as "10.0.0.0/8", got ${JSON.stringify(entry.slice(0, 60))}`
  }
  return isNat64Range(entry)
    ? `${JSON.stringify(entry)} is compared as the IPv4 addresses that it carries: write the IPv4 range`
    : undefined
}

/** A NAT64 range would silently be an IPv4 one: `64:ff9b::/96` every IPv4 address. */
function isNat64Range(entry: string): boolean {
  const slash = entry.indexOf('/')
  if (slash === -1) return false
  const address = entry.slice(0, slash).toLowerCase()
  return parseAddress(address)?.family === 4 && address.includes(':') && !/^[0:]+ffff:/.test(address)
}

/** Reads a list: one entry a line; `#` starts a comment, empty lines are skipped. */
export function parseEntries(text: string): ParsedEntries {
  const entries: string[] = []
  const mistakes: string[] = []
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!
    const hash = line.indexOf('#')
    const entry = (hash === -1 ? line : line.slice(0, hash)).trim()
    if (entry === '') continue
    const mistake = entryMistake(entry)
    if (mistake === undefined) entries.push(entry)
    else mistakes.push(`line ${i + 1}: ${mistake}`)
  }
  return { entries, mistakes }
}

/** Reads a list that must be right. @throws RangeError that names the first wrong lines. */
export function readEntries(text: string): string[] {
  const { entries, mistakes } = parseEntries(text)
  if (mistakes.length === 0) return entries
  const more = mistakes.length > 3 ? ` (and ${mistakes.length - 3} more)` : ''
  throw new RangeError(`${mistakes.slice(0, 3).join('; ')}${more}`)
}
