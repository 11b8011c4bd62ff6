/** Compiled rule sets, so that a configuration which is read several times at start is compiled once. */
import { type LoadedRules, loadSource, loadSourceAsync, RuleMistakes } from './load.ts'
import { type RuleSource, sourceKey } from './settings.ts'

/**
 * Loading is a pure function of the source and its files, so its results may be shared by everybody. They are held
 * weakly here: whoever uses one keeps it alive.
 */
const loaded = new Map<string, WeakRef<LoadedRules>>()
/** Broken rules, until their files change: who reloads them is told, and then the check of the configuration. */
const broken = new Map<string, RuleMistakes>()
/** Most sources of which that is kept. */
const MAX_BROKEN = 100
/** What a check has compiled, kept for the `create` that follows it with the same block. */
const checked = new WeakMap<object, LoadedRules>()

/**
 * The compiled rules of a source.
 *
 * @param block the block that keeps them alive until it is used.
 * @throws RuleMistakes
 */
export function compiled(source: RuleSource, block?: object): LoadedRules {
  const rules = known(source) ?? attempt(source)
  if (block !== undefined) checked.set(block, rules)
  return rules
}

/** The same without holding the event loop for longer than some tens of milliseconds. @throws RuleMistakes */
export async function compiledAsync(source: RuleSource, signal: AbortSignal): Promise<LoadedRules> {
  const rules = known(source)
  if (rules !== undefined) return rules
  try {
    return keep(source, await loadSourceAsync(source, signal))
  } catch (error) {
    throw remember(source, error)
  }
}

function attempt(source: RuleSource): LoadedRules {
  try {
    return keep(source, loadSource(source))
  } catch (error) {
    throw remember(source, error)
  }
}

function known(source: RuleSource): LoadedRules | undefined {
  const key = sourceKey(source)
  const mistakes = broken.get(key)
  if (mistakes?.files.changed() === false) throw mistakes
  broken.delete(key)
  const rules = loaded.get(key)?.deref()
  return rules?.files.changed() === false ? rules : undefined
}

function keep(source: RuleSource, rules: LoadedRules): LoadedRules {
  for (const [other, reference] of loaded) if (reference.deref() === undefined) loaded.delete(other)
  loaded.set(sourceKey(source), new WeakRef(rules))
  return rules
}

function remember(source: RuleSource, error: unknown): unknown {
  if (error instanceof RuleMistakes) {
    if (broken.size >= MAX_BROKEN) broken.clear()
    broken.set(sourceKey(source), error)
  }
  return error
}
