/** Where the parts of an OWASP Core Rule Set folder are, and the settings that go with it. */

import { join } from 'node:path'
import type { FileAccess } from './language/program.ts'

/** A folder with the rule set, and its settings. */
export interface CrsOptions {
  /** The folder: with `rules/` and `crs-setup.conf` (a release), or with `owasp-crs.load` (Debian's package). */
  folder: string
  /** Setup file when it is not in the folder. */
  setup?: string
  /** 1 to 4; how much is blocked. Left to the setup file when missing. */
  paranoiaLevel?: 1 | 2 | 3 | 4
  /** 1 to 4; how much is looked for and recorded without blocking, not less than `paranoiaLevel`. */
  detectionParanoiaLevel?: 1 | 2 | 3 | 4
  /** Score at which a request is refused. */
  inboundThreshold?: number
  /** Score at which a response is refused. */
  outboundThreshold?: number
  /** Further TX variables of the setup, as `allowed_methods`. */
  variables?: Readonly<Record<string, string | number>>
}

/**
 * The rules ModSecurity's recommended file puts before every rule set, in our words: they choose the body processors of
 * XML and JSON and refuse bodies that could not be read.
 */
export const BASE_RULES: string = String.raw`
SecRequestBodyAccess On
SecRequestBodyJsonDepthLimit 512
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\+|/)|text/)xml" \
  "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/json" \
  "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/[a-z0-9.-]+\+json" \
  "id:200006,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" \
  "id:200002,phase:2,t:none,deny,status:400,log,msg:'Failed to parse request body.',logdata:'%{REQBODY_ERROR_MSG}',severity:2"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" \
  "id:200003,phase:2,t:none,deny,status:400,log,msg:'Multipart request body failed strict validation.',severity:2"
SecRule MULTIPART_UNMATCHED_BOUNDARY "@eq 1" \
  "id:200004,phase:2,t:none,deny,status:400,log,msg:'Multipart parser detected a possible unmatched boundary.',severity:2"
SecRule TX:/^MSC_/ "!@streq 0" \
  "id:200005,phase:2,t:none,deny,status:400,log,msg:'ModSecurity internal error flagged: %{MATCHED_VAR_NAME}',severity:2"
`

/** Rule id of the settings that {@link CrsOptions} make; below the ranges that are given out. */
const SETTINGS_ID = 90_000

function settings(options: CrsOptions): string {
  const { paranoiaLevel, detectionParanoiaLevel, inboundThreshold, outboundThreshold } = options
  const set: Record<string, string | number> = {}
  if (paranoiaLevel !== undefined) {
    // 3.x has one name, 4.x another.
    set['paranoia_level'] = paranoiaLevel
    set['blocking_paranoia_level'] = paranoiaLevel
  }
  if (detectionParanoiaLevel !== undefined) {
    set['executing_paranoia_level'] = detectionParanoiaLevel
    set['detection_paranoia_level'] = detectionParanoiaLevel
  }
  if (inboundThreshold !== undefined) set['inbound_anomaly_score_threshold'] = inboundThreshold
  if (outboundThreshold !== undefined) set['outbound_anomaly_score_threshold'] = outboundThreshold
  Object.assign(set, options.variables)
  const names = Object.keys(set)
  if (names.length === 0) return ''
  const actions = names.map((name) => `setvar:'tx.${name}=${String(set[name]).replace(/['"\\]/g, '')}'`)
  return `SecAction "id:${SETTINGS_ID},phase:1,t:none,pass,nolog,${actions.join(',')}"`
}

/** Directives that load a rule set: the setup, the settings, then the rules in the order of their names. */
export function crsDirectives(options: CrsOptions, access: FileAccess): string {
  const { folder } = options
  const exists = (path: string): boolean => access.find(path, '').length > 0
  const load = join(folder, 'owasp-crs.load')
  if (options.setup === undefined && exists(load)) {
    const lines = access.read(load).split('\n')
    // Settings go behind the setup file, so that they win over it.
    const setup = lines.findIndex((line) => /^\s*Include.*crs-setup/i.test(line))
    return [...lines.slice(0, setup + 1), settings(options), ...lines.slice(setup + 1)].join('\n')
  }
  const setup =
    options.setup ??
    [join(folder, 'crs-setup.conf'), join(folder, 'crs-setup.conf.example')].find(exists) ??
    join(folder, 'crs-setup.conf')
  return [
    `Include "${setup}"`,
    settings(options),
    `IncludeOptional "${join(folder, 'plugins', '*-config.conf')}"`,
    `IncludeOptional "${join(folder, 'plugins', '*-before.conf')}"`,
    `Include "${join(folder, 'rules', '*.conf')}"`,
    `IncludeOptional "${join(folder, 'plugins', '*-after.conf')}"`,
  ].join('\n')
}
