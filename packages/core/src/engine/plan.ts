import type { BodyNeeds } from '../body-tap.ts'
import type {
  AbortStep,
  Component,
  ComponentInstance,
  Level,
  ParsingStep,
  Phase,
  RequestStep,
  ResponseStep,
  SendStep,
  UpstreamRequestStep,
  UpstreamResponseStep,
} from '../component.ts'

/** Whose step it is, and whether its refusals are only recorded. */
export interface StepOwner {
  component: string
  monitor: boolean
}

/** A step in its place, with what the engine must know to act on its decision. */
export interface BoundStep<Run> extends StepOwner {
  run: Run
}

/** One instance of a component, made of one block. */
export interface BoundInstance {
  component: Component
  level: Level
  place: string
  monitor: boolean
  config: unknown
  instance: ComponentInstance
}

/** The compiled steps of one route: for each phase an array, in pipeline order. */
export interface Plan {
  readonly onRequest: readonly BoundStep<RequestStep>[]
  readonly preParsing: readonly BoundStep<ParsingStep>[]
  readonly preValidation: readonly BoundStep<RequestStep>[]
  readonly preHandler: readonly BoundStep<RequestStep>[]
  readonly onSend: readonly BoundStep<SendStep>[]
  readonly onResponse: readonly BoundStep<ResponseStep>[]
  readonly onRequestAbort: readonly BoundStep<AbortStep>[]
  readonly upstreamRequest: readonly BoundStep<UpstreamRequestStep>[]
  readonly upstreamResponse: readonly BoundStep<UpstreamResponseStep>[]
  /** What is needed of the body; the flags say which of its limits only record. */
  readonly body:
    | (BodyNeeds & { maxMonitored?: boolean; pauseMonitored?: boolean; deadlineMonitored?: boolean })
    | undefined
  /** What the tap before the body's reader does; less than `body` where the reader keeps the bytes itself. */
  readonly tap: Plan['body']
  /** The blocks it was made of, in pipeline order: what the dashboard shows. */
  readonly instances: readonly BoundInstance[]
  /** The engine that made it. */
  readonly owner: object
}

/** The fixed order in which steps stand, per phase, by slot; without one, the order of the components. */
export type Order = Partial<Record<Phase, readonly string[]>>

const PHASES = [
  'onRequest',
  'preParsing',
  'preValidation',
  'preHandler',
  'onSend',
  'onResponse',
  'onRequestAbort',
  'upstreamRequest',
  'upstreamResponse',
] as const

/**
 * Compiles instances into a plan.
 *
 * @throws Error when a step's slot is missing from a given order: a mistake in the pipeline, not in a configuration.
 */
export function compilePlan(
  instances: readonly BoundInstance[],
  order: Order,
  owner: object,
  keepsRawBody = false,
): Plan {
  const phases: Record<string, BoundStep<unknown>[]> = {}
  for (const phase of PHASES) phases[phase] = stepsOf(instances, phase, order[phase])
  const body = bodyNeeds(instances)
  return { ...phases, body, tap: keepsRawBody ? withoutCapture(body) : body, instances, owner } as unknown as Plan
}

function stepsOf(
  instances: readonly BoundInstance[],
  phase: Phase,
  order: readonly string[] | undefined,
): BoundStep<unknown>[] {
  const placed: { index: number; bound: BoundStep<unknown> }[] = []
  for (const { component, monitor, instance } of instances) {
    for (const step of instance.steps) {
      if (step.phase !== phase) continue
      const slot = step.slot ?? component.name
      const index = order === undefined ? 0 : order.indexOf(slot)
      if (index === -1) throw new Error(`the pipeline has no place for "${slot}" in ${phase}`)
      placed.push({ index, bound: { component: component.name, monitor, run: step.run } })
    }
  }
  return placed.sort((a, b) => a.index - b.index).map(({ bound }) => bound)
}

function withoutCapture(body: Plan['body']): Plan['body'] {
  if (body?.max === undefined && body?.pause === undefined && body?.deadline === undefined) return undefined
  return { ...body, capture: false }
}

function bodyNeeds(instances: readonly BoundInstance[]): Plan['body'] {
  let needs: Plan['body']
  for (const { instance, monitor } of instances) {
    const { body } = instance
    if (body === undefined) continue
    needs = { ...needs, ...body, capture: body.capture === true || needs?.capture === true }
    if (body.max !== undefined) needs.maxMonitored = monitor
    if (body.pause !== undefined) needs.pauseMonitored = monitor
    if (body.deadline !== undefined) needs.deadlineMonitored = monitor
  }
  return needs
}
