/** A shared limit on the memory of the automata's caches: when it is reached, the least recently used are emptied. */

/** A cache that can be emptied. */
export interface Evictable {
  /** Bytes charged at present. */
  charged: number
  /** Tick of the last use. */
  lastUse: number
  /** Empties the cache and sets `charged` to 0. */
  evict(): void
}

/** Bytes all caches may take together. */
const TOTAL_BYTES = 6 << 20
/** Bytes that the states of one automaton may take, and so may the remembered steps they are made from. */
export const CACHE_BYTES: number = 1 << 20

const owners = new Set<Evictable>()
let used = 0
let tick = 0

/** The time stamp of a use. */
export function nextTick(): number {
  return ++tick
}

/** Sets what a cache holds now, and empties others when the sum is over the limit. */
export function charge(owner: Evictable, bytes: number): void {
  used += bytes - owner.charged
  owner.charged = bytes
  if (bytes > 0) owners.add(owner)
  else owners.delete(owner)
  if (used <= TOTAL_BYTES) return
  const byAge = [...owners].sort((x, y) => x.lastUse - y.lastUse)
  for (const other of byAge) {
    if (other === owner) continue
    const freed = other.charged
    other.evict()
    used -= freed
    owners.delete(other)
    if (used <= TOTAL_BYTES * 0.75) return
  }
}

/** Bytes held by all caches, and the limit. */
export function cacheUse(): { used: number; limit: number } {
  return { used, limit: TOTAL_BYTES }
}
