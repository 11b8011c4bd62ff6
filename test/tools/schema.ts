/** Writes the configuration's JSON Schema: `pnpm schema`. A test compares the file with what the components say. */
import { writeFileSync } from 'node:fs'
import { configSchema } from '@portcullis/gateway'

writeFileSync(
  new URL('../../packages/gateway/schema.json', import.meta.url),
  `${JSON.stringify(configSchema(), undefined, 2)}\n`,
)
