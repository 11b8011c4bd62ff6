/** Mistakes in rules, collected over all files and thrown together. */

/** Where a directive starts. */
export interface Position {
  /** File as it was named or found; `<text>` for rules given as text. */
  file: string
  /** Line, counted from 1. */
  line: number
}

/** One thing that is wrong with the rules. */
export interface Mistake extends Position {
  /** What is wrong, with the nearest right name when a name is unknown. */
  message: string
  /** The marker that is missing, when that is the mistake: rules around these may have it. */
  marker?: string
}

/** The rules could not be loaded; `mistakes` lists every reason, not only the first. */
export class SecLangError extends Error {
  override readonly name = 'SecLangError'
  /** All mistakes, in the order of the files. */
  readonly mistakes: readonly Mistake[]

  /** @param mistakes what is wrong and where, at least one */
  constructor(mistakes: readonly Mistake[]) {
    super(mistakes.map((m) => `${m.file}:${m.line}: ${m.message}`).join('\n'))
    this.mistakes = mistakes
  }
}

/** A mistake whose position the caller knows; the loader turns it into a `Mistake`. */
export class RuleMistake extends Error {
  override readonly name = 'RuleMistake'
}

/** Edit distance of two short names, capped by their lengths (Wagner and Fischer, one row). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitute = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, substitute)
    }
    row = next
  }
  return row[b.length]!
}

/**
 * The known name that is nearest to a wrong one.
 * @returns undefined when nothing is near enough to be what was meant
 */
function nearestName(wrong: string, known: Iterable<string>): string | undefined {
  const low = wrong.toLowerCase().slice(0, 64)
  let best: string | undefined
  let bestDistance = Math.max(2, Math.ceil(low.length / 3)) + 1
  for (const name of known) {
    const d = distance(low, name.toLowerCase())
    if (d < bestDistance) {
      bestDistance = d
      best = name
    }
  }
  return best
}

/** Lists of names up to this length are told whole when nothing in them is near. */
const FEW = 8

/** A mistake about an unknown name, with the nearest right one, or with all of them when they are few. */
export function unknownName(kind: string, name: string, known: Iterable<string>): RuleMistake {
  const names = [...known]
  const near = nearestName(name, names)
  const shown = name.length > 64 ? `${name.slice(0, 64)}…` : name
  const all = names.length > 0 && names.length <= FEW ? `; expected ${names.join(', ')}` : ''
  return new RuleMistake(`unknown ${kind} "${shown}"${near === undefined ? all : `; did you mean "${near}"?`}`)
}
