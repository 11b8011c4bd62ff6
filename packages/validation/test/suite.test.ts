import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { compileSchema } from '../src/schema/compile.ts'

/** The folder `tests` of the official JSON-Schema-Test-Suite, wherever it is installed. */
function suiteFolder(): string | undefined {
  const require = createRequire(import.meta.url)
  const here = dirname(fileURLToPath(import.meta.url))
  const candidates = [
    process.env.JSON_SCHEMA_TEST_SUITE,
    join(here, '../../../../shared/vectors/json-schema-test-suite'),
  ]
  for (const name of ['json-schema-test-suite', '@json-schema-tests/suite', '@json-schema-org/tests']) {
    try {
      candidates.push(dirname(require.resolve(`${name}/package.json`)))
    } catch {
      // Not installed.
    }
  }
  return candidates
    .flatMap((folder) => (folder === undefined ? [] : [join(folder, 'tests'), folder]))
    .find((folder) => ['draft7', 'draft4'].some((draft) => existsSync(join(folder, draft))))
}

interface Group {
  description: string
  schema: Record<string, unknown> | boolean
  tests: { description: string; data: unknown; valid: boolean }[]
}

/**
 * What is stricter here by design: remote references, vocabularies of one's own and unknown keywords are mistakes at start,
 * patterns must be linear, formats are enforced, and in draft-07 what stands beside a `$ref` is enforced too.
 */
const STRICTER_FILES = /^(?:refRemote|definitions|vocabulary|id|unknownKeyword|anchor|infinite-loop-detection)\.json$/
const STRICTER_GROUPS =
  /remote ref|escaped pointer ref|\$ref siblings|overrides any sibling|naive replacement|refs with relative uris|\$id|urn|metaschema|\$vocabulary/i

const folder = suiteFolder()
if (folder === undefined) console.warn('JSON-Schema-Test-Suite is not installed: skipped')

describe.skipIf(folder === undefined)('the official JSON-Schema-Test-Suite', () => {
  // The package on npm has draft 4, which KrakenD's schemas are written in; a checkout of the suite has the later ones.
  const drafts = [
    ['draft4', 'draft-04'],
    ['draft7', 'draft-07'],
    ['draft2019-09', '2019-09'],
    ['draft2020-12', '2020-12'],
  ].filter(([name]) => folder !== undefined && existsSync(join(folder, name!)))

  it.each(drafts)('%s', (name, version) => {
    const root = join(folder!, name!)
    let passed = 0
    let refused = 0
    const failures: string[] = []
    for (const file of readdirSync(root).filter((each) => each.endsWith('.json'))) {
      for (const group of JSON.parse(readFileSync(join(root, file), 'utf8')) as Group[]) {
        const compiled = compileSchema(group.schema as Record<string, unknown>, version)
        if (compiled.validate === undefined) {
          if (STRICTER_FILES.test(file) || STRICTER_GROUPS.test(group.description)) refused += group.tests.length
          else
            failures.push(`${file}: ${group.description}: ${compiled.issues[0]?.place} ${compiled.issues[0]?.message}`)
          continue
        }
        for (const test of group.tests) {
          const valid = compiled.validate(test.data) === undefined
          const stricter = !valid && (file === 'format.json' || /sibling|overrides/.test(group.description))
          if (valid === test.valid) passed++
          else if (stricter) refused++
          else failures.push(`${file}: ${group.description}: ${test.description}: expected ${test.valid}`)
        }
      }
    }
    console.info(
      `JSON-Schema-Test-Suite ${name}: ${passed} passed, ${refused} refused by design, ${failures.length} failed`,
    )
    expect(failures).toEqual([])
    expect(passed).toBeGreaterThan(200)
  })
})
