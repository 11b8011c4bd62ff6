/** Compiled rule sets, so that a configuration which is read several times at start is compiled once. */
import { type LoadedRules, loadSource } from './load.ts'
import { fingerprint, foldersOf } from './rule-files.ts'
import { type RuleSource, sourceKey } from './settings.ts'

/**
 * Loading is a pure function of the source and its files, so its results may be shared by everybody. They are held
 * weakly here: whoever uses one keeps it alive.
 */
const loaded = new Map<string, WeakRef<LoadedRules>>()
/** What a check has compiled, kept for the `create` that follows it with the same block. */
const checked = new WeakMap<object, LoadedRules>()

/**
 * The compiled rules of a source.
 *
 * @param block the block that keeps them alive until it is used.
 * @throws RuleMistakes
 */
export function compiled(source: RuleSource, block?: object): LoadedRules {
  const key = `${sourceKey(source)}\n${fingerprint(foldersOf(source))}`
  let rules = loaded.get(key)?.deref()
  if (rules === undefined) {
    rules = loadSource(source)
    for (const [other, reference] of loaded) if (reference.deref() === undefined) loaded.delete(other)
    loaded.set(key, new WeakRef(rules))
  }
  if (block !== undefined) checked.set(block, rules)
  return rules
}
