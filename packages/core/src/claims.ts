/** Reads one claim; undefined = it is not there. */
export type ClaimReader = (claims: Readonly<Record<string, unknown>> | undefined) => unknown

/**
 * Reads a claim by its name, which may hold dots itself, or else by the path to it, as in `realm_access.roles`.
 */
export function claimReader(name: string): ClaimReader {
  const whole = [name]
  const path = name.split('.')
  return (claims) => ownValue(claims, whole) ?? (path.length > 1 ? ownValue(claims, path) : undefined)
}

/**
 * What stands at a path in parsed JSON, undefined when it is not there. Own members of objects only: nothing is ever
 * read from a prototype.
 */
export function ownValue(holder: unknown, path: readonly string[]): unknown {
  let value = holder
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) {
      return undefined
    }
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
