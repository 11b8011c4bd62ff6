import {
  type ConfigIssue,
  ConfigurationError,
  gateway,
  type LoadOptions,
  loadConfig,
  serverOptionsOf,
} from '@portcullis/gateway'
import Fastify from 'fastify'

/** What a check found. */
export interface CheckResult {
  valid: boolean
  issues: readonly ConfigIssue[]
  warnings: readonly ConfigIssue[]
}

/**
 * Checks a configuration as `run` would, without listening: every mistake of the document, then everything that
 * starting finds (rule files, key pairs, OpenAPI documents).
 *
 * @param config path of the configuration.
 */
export async function check(config: string, options: LoadOptions = {}): Promise<CheckResult> {
  try {
    const loaded = loadConfig(config, options)
    const app = Fastify(serverOptionsOf(loaded))
    try {
      await app.register(gateway, { config, ...options })
      await app.ready()
    } finally {
      await app.close()
    }
    return { valid: true, issues: [], warnings: loaded.warnings }
  } catch (error) {
    if (error instanceof ConfigurationError) return { valid: false, issues: error.issues, warnings: [] }
    return { valid: false, issues: [{ place: '', message: (error as Error).message }], warnings: [] }
  }
}
