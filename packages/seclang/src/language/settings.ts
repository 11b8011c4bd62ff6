/** Directives that are no rules. */

import type { EngineConfig } from '../engine/config.ts'
import { RuleMistake, unknownName } from '../errors.ts'
import type { Directive } from './lexer.ts'

type Apply = (config: EngineConfig, argument: string, directive: Directive) => void

function choice<T extends string>(text: string, ...choices: T[]): T {
  const found = choices.find((c) => c.toLowerCase() === text.toLowerCase())
  if (found === undefined) throw unknownName('value', text, choices)
  return found
}

function whole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new RuleMistake(`"${text}" is not a whole number`)
  return Number(text)
}

const onOff = (text: string): boolean => choice(text, 'On', 'Off') === 'On'

/** Only "built-in" code page 20127 is known, which is what the directive is used for in the recommended settings. */
function unicodeMap(_config: EngineConfig, _file: string, { args }: Directive): void {
  if (args[1] !== undefined && args[1] !== '20127') throw new RuleMistake('only code page 20127 is built in')
}

/** Accepts one value; the others would want something done that is not done here. */
function only(accepted: string, reason: string): Apply {
  return (_config, value) => {
    if (value.toLowerCase() !== accepted.toLowerCase()) throw new RuleMistake(`only ${accepted} is possible: ${reason}`)
  }
}

const SETTINGS: Record<string, Apply> = {
  SecArgumentSeparator: (c, v) => {
    if (v.length !== 1) throw new RuleMistake(`the separator is one character, not "${v}"`)
    c.argumentSeparator = v
  },
  SecArgumentsLimit: (c, v) => {
    c.argumentsLimit = whole(v)
  },
  SecAuditEngine: (c, v) => {
    c.auditEngine = choice(v, 'On', 'Off', 'RelevantOnly')
  },
  SecAuditLogParts: (c, v) => {
    if (!/^[A-Z]+$/.test(v)) throw new RuleMistake('audit log parts are capital letters')
    c.auditLogParts = v
  },
  SecAuditLogRelevantStatus: (c, v) => {
    c.auditLogRelevantStatus = v
  },
  SecCollectionTimeout: (c, v) => {
    c.collectionTimeout = whole(v)
  },
  SecComponentSignature: (c, v) => {
    c.componentSignatures.push(v)
  },
  SecConnEngine: only('Off', 'connections are limited by security/request-limits'),
  SecContentInjection: only('Off', 'rules do not change responses'),
  SecCookieFormat: only('0', 'cookies of version 1 (RFC 2965) are not read'),
  SecCookieV0Separator: only(';', 'cookies are separated as browsers do'),
  SecGeoLookupDb: (c, v, { file, line }) => {
    c.geoFile = { path: v, file, line }
  },
  SecHashEngine: only('Off', 'hash enforcement is not supported'),
  SecIgnoreRuleCompilationErrors: only('Off', 'rules that cannot be compiled are mistakes'),
  SecInterceptOnError: only('Off', 'rules may ask TX:MSC_PCRE_LIMITS_EXCEEDED'),
  SecParseXmlIntoArgs: (c, v) => {
    c.xmlArguments = choice(v, 'Off', 'On', 'OnlyArgs')
  },
  SecRequestBodyAccess: (c, v) => {
    c.requestBodyAccess = onOff(v)
  },
  SecRequestBodyJsonDepthLimit: (c, v) => {
    c.jsonDepth = whole(v)
  },
  SecRequestBodyLimit: (c, v) => {
    c.requestBodyLimit = whole(v)
  },
  SecRequestBodyLimitAction: (c, v) => {
    c.requestBodyLimitAction = choice(v, 'Reject', 'ProcessPartial')
  },
  SecRequestBodyNoFilesLimit: (c, v) => {
    c.requestBodyNoFilesLimit = whole(v)
  },
  SecResponseBodyAccess: (c, v) => {
    c.responseBodyAccess = onOff(v)
  },
  SecResponseBodyLimit: (c, v) => {
    c.responseBodyLimit = whole(v)
  },
  SecResponseBodyLimitAction: (c, v) => {
    c.responseBodyLimitAction = choice(v, 'Reject', 'ProcessPartial')
  },
  SecResponseBodyMimeType: (c, _v, { args }) => {
    c.responseBodyMimeTypes = args.map((type) => type.toLowerCase())
  },
  SecResponseBodyMimeTypesClear: (c) => {
    c.responseBodyMimeTypes = []
  },
  SecRuleEngine: (c, v) => {
    c.engine = choice(v, 'On', 'Off', 'DetectionOnly')
  },
  SecRuleInheritance: only('On', 'an endpoint’s rules build on the service’s; exclude_rules leaves rules out'),
  SecTmpSaveUploadedFiles: only('Off', 'uploads are not kept; FILES_TMP_CONTENT holds them for rules'),
  SecUnicodeMapFile: unicodeMap,
  SecUploadFileLimit: (c, v) => {
    c.fileLimit = whole(v)
  },
  SecUploadKeepFiles: only('Off', 'uploads are not kept; FILES_TMP_CONTENT holds them for rules'),
  SecWebAppId: (c, v) => {
    c.webAppId = v
  },
  SecXmlExternalEntity: only('Off', 'no external entity is read'),
}

/**
 * Accepted and without effect, and nothing is lost: patterns run in linear time, so match limits have nothing to bound;
 * bodies stay in memory; what is said of Apache and of temporary files does not apply.
 */
const WITHOUT_EFFECT = [
  'SecCacheTransformations',
  'SecDataDir',
  'SecDisableBackendCompression',
  'SecHashKey',
  'SecHashMethodPm',
  'SecHashMethodRx',
  'SecHashParam',
  'SecPcreMatchLimit',
  'SecPcreMatchLimitRecursion',
  'SecRequestBodyInMemoryLimit',
  'SecRequestEncoding',
  'SecResponseBodyJsonDepthLimit',
  'SecRulePerfTime',
  'SecRxPreFilter',
  'SecStatusEngine',
  'SecStreamInBodyInspection',
  'SecStreamOutBodyInspection',
  'SecTmpDir',
  'SecUnicodeCodePage',
]

/**
 * Accepted, as every configuration for ModSecurity has some of them, but what they ask for is the host's business: where
 * logs and uploads go, how the server calls itself. The host is told that they were met.
 */
const IGNORED = [
  'SecAuditLog',
  'SecAuditLog2',
  'SecAuditLogDirMode',
  'SecAuditLogFileMode',
  'SecAuditLogFormat',
  'SecAuditLogPrefix',
  'SecAuditLogStorageDir',
  'SecAuditLogType',
  'SecDebugLog',
  'SecDebugLogLevel',
  'SecSensorId',
  'SecServerSignature',
  'SecUploadDir',
  'SecUploadFileMode',
]

const CONNECTIONS = 'is not supported: connections are limited by max_connections_per_ip of security/request-limits'
const REMOTE = 'is not supported: rules are not fetched over the network'

/** Known in ModSecurity or Coraza, impossible or unwanted here; the reason is shown. */
const REFUSED: Record<string, string> = {
  secchrootdir: 'is not supported: it is a matter of how the process is started',
  secconnreadstatelimit: CONNECTIONS,
  secconnwritestatelimit: CONNECTIONS,
  secdataset: 'is Coraza’s: put the entries into a file for @pmFromFile or @ipMatchFromFile',
  secgsblookupdb: 'is not supported: Google’s Safe Browsing lists are not looked up',
  secguardianlog: 'is not supported: no program is run; see telemetry/audit-log for logs over the network',
  sechttpblkey:
    'is not supported: rules make no DNS lookups; see deny_file of security/ip-filter for lists of addresses',
  secreadstatelimit: CONNECTIONS,
  secremoterules: REMOTE,
  secremoterulesfailaction: REMOTE,
  secrulescript: 'is not supported: Lua is not run; write the rule in this language, or a hook of the app',
  secwritestatelimit: CONNECTIONS,
}

const BY_NAME = new Map<string, Apply>(Object.entries(SETTINGS).map(([name, apply]) => [name.toLowerCase(), apply]))
for (const name of WITHOUT_EFFECT) BY_NAME.set(name.toLowerCase(), () => undefined)
for (const name of IGNORED) {
  BY_NAME.set(name.toLowerCase(), (config, _argument, { file, line }) => config.ignored.push({ name, file, line }))
}

/** Names of all directives, for suggestions. */
const DIRECTIVE_NAMES: readonly string[] = [
  'Include',
  'IncludeOptional',
  'SecAction',
  'SecDefaultAction',
  'SecMarker',
  'SecRule',
  'SecRuleRemoveById',
  'SecRuleRemoveByMsg',
  'SecRuleRemoveByTag',
  'SecRuleUpdateActionById',
  'SecRuleUpdateTargetById',
  'SecRuleUpdateTargetByMsg',
  'SecRuleUpdateTargetByTag',
  ...Object.keys(SETTINGS),
  ...WITHOUT_EFFECT,
  ...IGNORED,
]

/**
 * Applies a directive to the settings.
 * @throws RuleMistake for an unknown or refused directive or a wrong value
 */
export function applySetting(config: EngineConfig, directive: Directive): void {
  const low = directive.name.toLowerCase()
  const refusal = Object.hasOwn(REFUSED, low) ? REFUSED[low] : undefined
  const apply = BY_NAME.get(low)
  if (apply === undefined) {
    if (refusal !== undefined) throw new RuleMistake(`${directive.name} ${refusal}`)
    throw unknownName('directive', directive.name, DIRECTIVE_NAMES)
  }
  if (directive.args.length === 0 && low !== 'secresponsebodymimetypesclear') {
    throw new RuleMistake(`${directive.name} needs an argument`)
  }
  try {
    apply(config, directive.args[0] ?? '', directive)
  } catch (error) {
    if (!(error instanceof RuleMistake)) throw error
    throw new RuleMistake(`${directive.name}: ${error.message}`)
  }
}
