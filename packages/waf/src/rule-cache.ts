/** Compiled rule sets, so that a configuration which is read several times at start is compiled once. */
import { type LoadedRules, loadSource, loadSourceAsync } from './load.ts'
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
  const rules = known(source) ?? keep(source, loadSource(source))
  if (block !== undefined) checked.set(block, rules)
  return rules
}

/** The same without holding the event loop for longer than some tens of milliseconds. @throws RuleMistakes */
export async function compiledAsync(source: RuleSource, signal: AbortSignal): Promise<LoadedRules> {
  return known(source) ?? keep(source, await loadSourceAsync(source, signal))
}

function known(source: RuleSource): LoadedRules | undefined {
  const rules = loaded.get(sourceKey(source))?.deref()
  return rules?.files.changed() === false ? rules : undefined
}

function keep(source: RuleSource, rules: LoadedRules): LoadedRules {
  for (const [other, reference] of loaded) if (reference.deref() === undefined) loaded.delete(other)
  loaded.set(sourceKey(source), new WeakRef(rules))
  return rules
}
