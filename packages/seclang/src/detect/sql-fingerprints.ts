import { PACKED_FINGERPRINTS } from './sql-fingerprint-data.ts'

/** A comment no innocent value contains. */
const EVIL = 'X'

function unpack(packed: string): Set<string> {
  const known = new Set<string>([EVIL])
  for (const line of packed.split('\n')) {
    const entry = line.slice(2)
    for (let at = 3; at < entry.length; at += 2) known.add((entry.slice(0, 3) + entry.slice(at, at + 2)).trimEnd())
  }
  return known
}

const KNOWN = unpack(PACKED_FINGERPRINTS)

/** Says whether a fingerprint is one of an injection. */
export function isInjection(fingerprint: string): boolean {
  return KNOWN.has(fingerprint.toUpperCase())
}
