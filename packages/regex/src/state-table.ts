/** The states of a lazy DFA: sets of threads, each stored once, with a row of transitions. */

/** A growing table of states. A state is named by the offset of its row, which is never 0. */
export class StateTable {
  /** Transitions; row offset plus byte class. 0 is not known yet, below 0 is special. */
  edges: Int32Array
  /** Number of states. */
  count = 0
  readonly #stride: number
  #threads: Int32Array = new Int32Array(256)
  #threadCount = 0
  /** Start of each state's threads; the context follows the last thread. */
  #starts = new Int32Array(65)
  #hash = new Int32Array(128)

  /** @param stride entries in a row: the byte classes and the edge of the subject */
  constructor(stride: number) {
    this.#stride = stride
    this.edges = new Int32Array(stride * 8)
  }

  /** Bytes held. */
  get bytes(): number {
    return this.edges.byteLength + this.#threads.byteLength + this.#starts.byteLength + this.#hash.byteLength
  }

  /** The context of a state. */
  contextOf(state: number): number {
    return this.#threads[this.#starts[state / this.#stride]! - 1]!
  }

  /** All threads, state after state. The array may be replaced by `intern`. */
  get threads(): Int32Array {
    return this.#threads
  }

  /** Where a state's threads begin in `threads`. */
  firstThread(state: number): number {
    return this.#starts[state / this.#stride - 1]!
  }

  /** Where a state's threads end in `threads`. */
  endThread(state: number): number {
    return this.#starts[state / this.#stride]! - 1
  }

  /** Finds or makes the state of the first `count` entries of `threads` and the context. */
  intern(threads: Int32Array, count: number, context: number): number {
    if (this.count * 2 >= this.#hash.length) this.#rehash()
    let hash = context + 1
    for (let i = 0; i < count; i++) hash = (Math.imul(hash, 0x01000193) ^ threads[i]!) | 0
    hash ^= hash >>> 15
    const mask = this.#hash.length - 1
    let slot = hash & mask
    for (let index = this.#hash[slot]!; index !== 0; index = this.#hash[slot]!) {
      if (this.#same(index, threads, count, context)) return index * this.#stride
      slot = (slot + 1) & mask
    }
    const index = this.count + 1
    // Room first: when there is no memory left, the table stays what it was.
    this.#store(index, threads, count, context)
    this.count = index
    this.#hash[slot] = index
    return index * this.#stride
  }

  #same(index: number, threads: Int32Array, count: number, context: number): boolean {
    const start = this.#starts[index - 1]!
    if (this.#starts[index]! - start !== count + 1) return false
    const stored = this.#threads
    for (let i = 0; i < count; i++) if (stored[start + i] !== threads[i]) return false
    return stored[start + count] === context
  }

  #store(index: number, threads: Int32Array, count: number, context: number): void {
    const end = this.#threadCount + count + 1
    if (end > this.#threads.length) this.#threads = grown(this.#threads, end)
    if (index >= this.#starts.length) this.#starts = grown(this.#starts, index + 1)
    const needed = (index + 1) * this.#stride
    if (needed > this.edges.length) this.edges = grown(this.edges, needed)
    const stored = this.#threads
    const start = this.#threadCount
    for (let i = 0; i < count; i++) stored[start + i] = threads[i]!
    stored[start + count] = context
    this.#threadCount = end
    this.#starts[index] = end
  }

  #rehash(): void {
    this.#hash = new Int32Array(this.#hash.length * 2)
    const mask = this.#hash.length - 1
    for (let index = 1; index <= this.count; index++) {
      let hash = this.#threads[this.#starts[index]! - 1]! + 1
      const end = this.#starts[index]! - 1
      for (let i = this.#starts[index - 1]!; i < end; i++) hash = (Math.imul(hash, 0x01000193) ^ this.#threads[i]!) | 0
      hash ^= hash >>> 15
      let slot = hash & mask
      while (this.#hash[slot] !== 0) slot = (slot + 1) & mask
      this.#hash[slot] = index
    }
  }
}

function grown(array: Int32Array, needed: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(needed, array.length * 2))
  larger.set(array)
  return larger
}
