/** Directives that are no rules. */

import type { EngineConfig } from '../engine/config.ts'
import { RuleMistake, unknownName } from '../errors.ts'
import type { Directive } from './lexer.ts'

type Apply = (config: EngineConfig, argument: string, all: readonly string[]) => void

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
function unicodeMap(_config: EngineConfig, _file: string, all: readonly string[]): void {
  if (all[1] !== undefined && all[1] !== '20127') throw new RuleMistake('only code page 20127 is built in')
}

const SETTINGS: Record<string, Apply> = {
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
  SecResponseBodyMimeType: (c, _v, all) => {
    c.responseBodyMimeTypes = all.map((type) => type.toLowerCase())
  },
  SecResponseBodyMimeTypesClear: (c) => {
    c.responseBodyMimeTypes = []
  },
  SecRuleEngine: (c, v) => {
    c.engine = choice(v, 'On', 'Off', 'DetectionOnly')
  },
  SecUnicodeMapFile: unicodeMap,
  SecUploadFileLimit: (c, v) => {
    c.fileLimit = whole(v)
  },
  SecWebAppId: (c, v) => {
    c.webAppId = v
  },
}

/**
 * Accepted and without effect: where logs and temporary files go, and how, is the host's business here; patterns run in
 * linear time, so match limits have nothing to bound; the others concern Apache alone.
 */
const WITHOUT_EFFECT = [
  'SecArgumentSeparator',
  'SecAuditLog',
  'SecAuditLog2',
  'SecAuditLogDirMode',
  'SecAuditLogFileMode',
  'SecAuditLogFormat',
  'SecAuditLogPrefix',
  'SecAuditLogStorageDir',
  'SecAuditLogType',
  'SecCacheTransformations',
  'SecConnEngine',
  'SecContentInjection',
  'SecCookieFormat',
  'SecCookieV0Separator',
  'SecDataDir',
  'SecDebugLog',
  'SecDebugLogLevel',
  'SecDisableBackendCompression',
  'SecGeoLookupDb',
  'SecGsbLookupDb',
  'SecHashEngine',
  'SecHashKey',
  'SecHashMethodRx',
  'SecHashParam',
  'SecHttpBlKey',
  'SecInterceptOnError',
  'SecPcreMatchLimit',
  'SecPcreMatchLimitRecursion',
  'SecRequestBodyInMemoryLimit',
  'SecRequestEncoding',
  'SecRuleInheritance',
  'SecRulePerfTime',
  'SecSensorId',
  'SecServerSignature',
  'SecStatusEngine',
  'SecStreamInBodyInspection',
  'SecStreamOutBodyInspection',
  'SecTmpDir',
  'SecTmpSaveUploadedFiles',
  'SecUnicodeCodePage',
  'SecUploadDir',
  'SecUploadFileMode',
  'SecUploadKeepFiles',
  'SecWriteStateLimit',
  'SecReadStateLimit',
  'SecXmlExternalEntity',
]

const REFUSED: Record<string, string> = {
  secchrootdir: 'is a matter of how the process is started',
  secconnreadstatelimit: 'belongs to Apache; limit connections in the gateway',
  secremoterules: 'rules are not fetched over the network',
  secremoterulesfailaction: 'rules are not fetched over the network',
  secrulescript: 'Lua is not supported',
  secruleperftime: 'is not measured',
}

const BY_NAME = new Map<string, Apply>(Object.entries(SETTINGS).map(([name, apply]) => [name.toLowerCase(), apply]))
for (const name of WITHOUT_EFFECT) BY_NAME.set(name.toLowerCase(), () => undefined)

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
  apply(config, directive.args[0] ?? '', directive.args)
}
