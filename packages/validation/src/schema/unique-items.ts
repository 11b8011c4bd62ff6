import type { Budget } from './budget.ts'

/**
 * Is no element of a list equal to another, in JSON Schema's sense? Time is linear in the size of the list, where comparing each
 * with each is quadratic: ten thousand small objects would block the process for seconds.
 */
export function hasUniqueItems(list: readonly unknown[], budget: Budget): boolean {
  const seen = new Set<unknown>()
  for (const item of list) {
    const key =
      typeof item === 'object' && item !== null ? canonical(item, budget) : typeof item === 'string' ? `"${item}` : item
    if (seen.has(key)) return false
    seen.add(key)
  }
  return true
}

/** One text for all JSON texts of one value: members by name. It cannot be mistaken for a text, which begins with a quote. */
function canonical(value: unknown, budget: Budget): string {
  budget.spend(1)
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, budget)).join()}]`
  if (typeof value !== 'object' || value === null) return value === 0 ? '0' : JSON.stringify(value)
  const object = value as Record<string, unknown>
  const members = Object.keys(object)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(object[name], budget)}`)
  return `{${members.join()}}`
}
