/** One number with its labels. */
export interface Sample {
  /** What follows the family's name: `_bucket`, `_sum`. */
  suffix?: string
  labels?: Readonly<Record<string, string>>
  value: number
}

/** Samples of one name. */
export interface Family {
  /** Without the prefix `portcullis_`. */
  name: string
  help: string
  type: 'counter' | 'gauge' | 'histogram' | 'summary'
  samples: readonly Sample[]
}

/** Media type of the text. */
export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Prometheus' text format, version 0.0.4. Families without samples are left out. */
export function exposition(families: readonly Family[]): string {
  let text = ''
  for (const { name, help, type, samples } of families) {
    if (samples.length === 0) continue
    const full = `portcullis_${name}`
    text += `# HELP ${full} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${full} ${type}\n`
    for (const sample of samples) {
      text += `${full}${sample.suffix ?? ''}${labelsText(sample.labels)} ${numberText(sample.value)}\n`
    }
  }
  return text
}

function labelsText(labels: Sample['labels']): string {
  if (labels === undefined) return ''
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name.replace(/[^A-Za-z0-9_]/g, '_')}="${escaped(value)}"`,
  )
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}
