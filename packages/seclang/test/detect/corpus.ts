import { existsSync, readFileSync } from 'node:fs'

/** One recorded verdict. */
export interface RecordedVerdict {
  value: string
  sqli: boolean
  xss: boolean
}

/** One expectation about tokens, folding or fingerprints. */
export interface RecordedTokens {
  name: string
  kind: string
  input: string
  expected: string[]
}

const FOLDER = new URL('../../../../../shared/vectors/injection/', import.meta.url)

function read<T>(name: string): T[] | undefined {
  const file = new URL(name, FOLDER)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T[]) : undefined
}

/** The recorded verdicts, where they lie beside the checkout. */
export function recordedVerdicts(): RecordedVerdict[] | undefined {
  return read<RecordedVerdict>('verdicts.json')
}

/** The recorded tokens, where they lie beside the checkout. */
export function recordedTokens(): RecordedTokens[] | undefined {
  return read<RecordedTokens>('tokens.json')
}
