/** The drafts of JSON Schema that are understood. */
export type Draft = 'draft-07' | '2019-09' | '2020-12'

/** Where a keyword holds further schemas: one, a list, one or a list, or a map by name. */
type Holds = 'schema' | 'list' | 'either' | 'map' | 'dependencies'

const EVERY: readonly Draft[] = ['draft-07', '2019-09', '2020-12']
const OLD: readonly Draft[] = ['draft-07', '2019-09']
const NEW: readonly Draft[] = ['2019-09', '2020-12']

interface Keyword {
  drafts: readonly Draft[]
  holds?: Holds
}

function plain(drafts: readonly Draft[], names: string): [string, Keyword][] {
  return names.split(' ').map((name) => [name, { drafts }])
}

function holding(holds: Holds, drafts: readonly Draft[], names: string): [string, Keyword][] {
  return names.split(' ').map((name) => [name, { drafts, holds }])
}

/** Every keyword, the drafts that have it, and the schemas inside it. */
export const KEYWORDS: ReadonlyMap<string, Keyword> = new Map([
  ...plain(EVERY, '$id $schema $ref $comment title description default readOnly writeOnly examples deprecated'),
  ...plain(EVERY, 'multipleOf maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern'),
  ...plain(EVERY, 'maxItems minItems uniqueItems maxProperties minProperties required const enum type format'),
  ...plain(EVERY, 'contentMediaType contentEncoding'),
  ...plain(NEW, '$anchor $vocabulary minContains maxContains dependentRequired'),
  ...plain(['2019-09'], '$recursiveRef $recursiveAnchor'),
  ...plain(['2020-12'], '$dynamicRef $dynamicAnchor'),
  ...holding('schema', EVERY, 'contains additionalProperties propertyNames if then else not'),
  ...holding('schema', OLD, 'additionalItems'),
  ...holding('schema', NEW, 'unevaluatedItems unevaluatedProperties contentSchema'),
  ...holding('either', EVERY, 'items'),
  ...holding('list', EVERY, 'allOf anyOf oneOf'),
  ...holding('list', ['2020-12'], 'prefixItems'),
  ...holding('map', EVERY, 'properties patternProperties definitions $defs'),
  ...holding('map', NEW, 'dependentSchemas'),
  ...holding('dependencies', EVERY, 'dependencies'),
])

/** OpenAPI's additions to a schema. They say nothing of a value. */
export const OPENAPI_ANNOTATIONS: ReadonlySet<string> = new Set([
  'discriminator',
  'xml',
  'externalDocs',
  'example',
  'nullable',
])

/** The drafts by the names that configurations and `$schema` have for them; `draft-04` is translated. */
export function draftOf(name: string): Draft | 'draft-04' | undefined {
  const short = name
    .toLowerCase()
    .replace(/^https?:\/\/json-schema\.org\//, '')
    .replace(/\/schema#?$/, '')
    .replace(/[^0-9]/g, '')
    .replace(/^0+/, '')
  const drafts: Record<string, Draft | 'draft-04'> = {
    4: 'draft-04',
    6: 'draft-07',
    7: 'draft-07',
    201909: '2019-09',
    202012: '2020-12',
  }
  return Object.hasOwn(drafts, short) ? drafts[short] : undefined
}
