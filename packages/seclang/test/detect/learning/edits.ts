/** Letters that an edit puts in. */
const INSERTED = '1SNVFEKTUBOAC&(),;.'
/** What a value can be replaced with: a call, or a query in parentheses. */
const EXPANSIONS = ['F(', 'F()', '(E', 'F(1', 'F(1)', 'F(S', 'F(N', 'F(V', 'F(E']
const VALUES = '1SNV'

/** Takes the outcome of an edit and the names it goes by, from the coarsest to the finest. */
export type Visit = (edited: string, names: () => string[]) => void

function insertions(fingerprint: string, visit: Visit): void {
  for (let at = 0; at <= fingerprint.length; at++) {
    const before = at === 0 ? '^' : fingerprint[at - 1]!
    const behind = fingerprint[at] ?? '$'
    const head = fingerprint.slice(0, at)
    const tail = fingerprint.slice(at)
    for (const letter of INSERTED) {
      const names = () => [
        `+${letter}`,
        `+${letter}${at}`,
        `+<${before}${letter}`,
        `+>${letter}${behind}`,
        `+=${before}${letter}${behind}`,
      ]
      visit((head + letter + tail).slice(0, 5), names)
    }
  }
}

function replacements(fingerprint: string, visit: Visit): void {
  for (let at = 0; at < fingerprint.length; at++) {
    const old = fingerprint[at]!
    const before = at === 0 ? '^' : fingerprint[at - 1]!
    const behind = fingerprint[at + 1] ?? '$'
    const head = fingerprint.slice(0, at)
    const tail = fingerprint.slice(at + 1)
    for (const letter of INSERTED) {
      const name = old + letter
      if (letter !== old)
        visit(head + letter + tail, () => [`/${name}`, `/${name}${at}`, `/<${before}${name}`, `/>${name}${behind}`])
    }
    if (!VALUES.includes(old)) continue
    for (const expansion of EXPANSIONS) {
      visit((head + expansion + tail).slice(0, 5), () => [
        `*${old}${expansion}`,
        `*${old}${expansion}${at}`,
        `*${expansion}`,
      ])
    }
  }
}

/**
 * Visits what a fingerprint becomes by one edit: a letter put in, a letter replaced, a value written out as a call or a query, or
 * one end left out. Fingerprints of injections are closed under many such edits: a parenthesis more changes nothing.
 */
export function visitEdits(fingerprint: string, visit: Visit): void {
  const { length } = fingerprint
  insertions(fingerprint, visit)
  replacements(fingerprint, visit)
  for (let size = 2; size < length; size++) visit(fingerprint.slice(0, size), () => [`<${length}${size}`])
  for (let from = 1; from < length - 1; from++) visit(fingerprint.slice(from), () => [`>${from}`])
}
