/**
 * Working memory that all automata share: only one walk runs at a time, and an array per automaton would cost more than
 * the automata themselves.
 */

/** Highest number of a generation before the marks are wiped, so that it always fits an Int32Array. */
const LAST_GENERATION = 0x7ffffff0

/** A set of small integers that is emptied by starting a new generation. */
export class Marks {
  /** A member holds the number of the present generation. */
  at: Int32Array = new Int32Array(1024)
  generation = 0

  /** Empties the set and makes room for members below `size`; returns the new generation's number. */
  begin(size: number): number {
    if (size > this.at.length) this.at = new Int32Array(size * 2)
    if (this.generation >= LAST_GENERATION) {
      this.at.fill(0)
      this.generation = 0
    }
    return ++this.generation
  }
}

/** The threads a step makes, and a second list to make the next ones in. */
export class ThreadLists {
  out: Int32Array = new Int32Array(1024)
  spare: Int32Array = new Int32Array(1024)

  /** Makes room for `size` threads in both lists. */
  reserve(size: number): void {
    if (size <= this.out.length) return
    // Both or none, should there be no memory left.
    const [out, spare] = [new Int32Array(size * 2), new Int32Array(size * 2)]
    this.out = out
    this.spare = spare
  }

  /** Exchanges the two lists; returns the one just filled. */
  swap(): Int32Array {
    const filled = this.out
    this.out = this.spare
    this.spare = filled
    return filled
  }
}

/** Threads already in the list that a step makes. */
export const stepMarks: Marks = new Marks()
/** Instructions already visited in a closure. */
export const closureMarks: Marks = new Marks()
/** The lists of the walk that is running. */
export const threadLists: ThreadLists = new ThreadLists()
