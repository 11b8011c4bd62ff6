/** Rows of a sparse matrix. */
export interface SparseRow {
  ids: Int32Array
  values: Float64Array
}

/** How many earlier steps tell the curvature. */
const MEMORY = 12

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += a[at]! * b[at]!
  return sum
}

function addScaled(target: Float64Array, scale: number, other: Float64Array): void {
  for (let at = 0; at < target.length; at++) target[at]! += scale * other[at]!
}

/** What the weights make of a row. */
export function weigh({ ids, values }: SparseRow, weights: Float64Array): number {
  let sum = 0
  for (let at = 0; at < ids.length; at++) sum += weights[ids[at]!]! * values[at]!
  return sum
}

/** The loss of weights, half their squared length and `cost` times the logistic loss of each row; fills `slope` with its gradient. */
function lossAt(
  rows: readonly SparseRow[],
  labels: Uint8Array,
  cost: number,
  weights: Float64Array,
  slope: Float64Array,
): number {
  slope.set(weights)
  let loss = dot(weights, weights) / 2
  for (const [at, row] of rows.entries()) {
    const score = weigh(row, weights)
    const margin = labels[at] === 1 ? score : -score
    loss += cost * (margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin)
    const error = cost * (1 / (1 + Math.exp(-score)) - labels[at]!)
    const { ids, values } = row
    for (let index = 0; index < ids.length; index++) slope[ids[index]!]! += error * values[index]!
  }
  return loss
}

interface Step {
  moved: Float64Array
  turned: Float64Array
  scale: number
}

/** The direction that leads downhill, by the curvature that the last steps showed. */
function direction(slope: Float64Array, steps: readonly Step[]): Float64Array {
  const way = Float64Array.from(slope, (value) => -value)
  const parts: number[] = []
  for (const { moved, turned, scale } of [...steps].reverse()) {
    const part = scale * dot(moved, way)
    parts.push(part)
    addScaled(way, -part, turned)
  }
  const last = steps[steps.length - 1]
  if (last !== undefined) {
    const factor = 1 / (last.scale * dot(last.turned, last.turned))
    for (let at = 0; at < way.length; at++) way[at]! *= factor
  }
  for (const { moved, turned, scale } of steps) {
    addScaled(way, parts.pop()! - scale * dot(turned, way), moved)
  }
  return way
}

/** Fits weights to labels (1 or 0) by logistic regression; the higher `cost`, the closer. The same each time (L-BFGS). */
export function fitWeights(
  rows: readonly SparseRow[],
  labels: Uint8Array,
  size: number,
  cost: number,
  rounds: number,
): Float64Array {
  let weights = new Float64Array(size)
  let slope = new Float64Array(size)
  let loss = lossAt(rows, labels, cost, weights, slope)
  const steps: Step[] = []
  for (let round = 0; round < rounds; round++) {
    const way = direction(slope, steps)
    const descent = dot(way, slope)
    let length = steps.length === 0 ? 1 / Math.sqrt(dot(slope, slope)) : 1
    const next = new Float64Array(size)
    const nextSlope = new Float64Array(size)
    let nextLoss = Number.POSITIVE_INFINITY
    for (let halving = 0; halving < 20; halving++, length /= 2) {
      next.set(weights)
      addScaled(next, length, way)
      nextLoss = lossAt(rows, labels, cost, next, nextSlope)
      if (nextLoss <= loss + 1e-4 * length * descent) break
    }
    const moved = Float64Array.from(next, (value, at) => value - weights[at]!)
    const turned = Float64Array.from(nextSlope, (value, at) => value - slope[at]!)
    const curvature = dot(moved, turned)
    if (curvature > 1e-12) steps.push({ moved, turned, scale: 1 / curvature })
    if (steps.length > MEMORY) steps.shift()
    const gain = loss - nextLoss
    weights = next
    slope = nextSlope
    loss = nextLoss
    if (gain < 1e-5 * Math.abs(loss)) break
  }
  return weights
}
