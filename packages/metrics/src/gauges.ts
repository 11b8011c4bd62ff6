import { type Engine, enginesOf, type Gauge } from '@portcullis/core'
import type { FastifyInstance } from 'fastify'
import type { Family, Sample } from './exposition.ts'

/** Milliseconds that a component's answer whether it works may take. */
const PATIENCE = 1000

/**
 * What components publish, read now. Several blocks may publish one name: their numbers are added. A name that ends in
 * `_total` is a counter.
 */
export function gaugeFamilies(fastify: FastifyInstance): Family[] {
  const families = new Map<string, { gauge: Gauge; samples: Map<string, Sample> }>()
  for (const gauge of enginesOf(fastify).flatMap(({ gauges }) => gauges)) {
    const family = families.get(gauge.name) ?? { gauge, samples: new Map<string, Sample>() }
    families.set(gauge.name, family)
    for (const sample of readGauge(gauge)) add(family.samples, sample)
  }
  return [...families].map(([name, { gauge, samples }]) => ({
    name,
    help: gauge.help,
    type: name.endsWith('_total') ? 'counter' : 'gauge',
    samples: [...samples.values()],
  }))
}

/** A component that cannot tell its number has none; the others are told all the same. */
function readGauge({ read }: Gauge): readonly Sample[] {
  try {
    const value = read()
    return typeof value === 'number' ? [{ value }] : value
  } catch {
    return []
  }
}

function add(samples: Map<string, Sample>, sample: Sample): void {
  const key = JSON.stringify(sample.labels ?? {})
  const before = samples.get(key)
  samples.set(key, before === undefined ? sample : { ...sample, value: before.value + sample.value })
}

/** Which components work and which do not, of those that can tell; one of several blocks that does not is enough. */
export async function componentHealth(fastify: FastifyInstance): Promise<Map<string, boolean>> {
  const health = new Map<string, boolean>()
  await Promise.all(
    enginesOf(fastify)
      .flatMap((engine: Engine) => engine.instances)
      .map(async ({ component, instance }) => {
        if (instance.healthy === undefined) return
        const works = await answer(instance.healthy.bind(instance))
        health.set(component.name, works && (health.get(component.name) ?? true))
      }),
  )
  return new Map([...health].sort(([a], [b]) => a.localeCompare(b)))
}

async function answer(healthy: () => boolean | Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE)
  })
  try {
    return await Promise.race([healthy(), late])
  } catch {
    return false
  } finally {
    clearTimeout(timer)
  }
}
