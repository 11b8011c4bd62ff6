/** Settings that directives make. */

import type { Position } from '../errors.ts'
import type { GeoDatabase } from '../geo/database.ts'

/** State of SecRuleEngine. */
export type EngineMode = 'On' | 'DetectionOnly' | 'Off'

/** Everything that is not a rule. */
export interface EngineConfig {
  engine: EngineMode
  requestBodyAccess: boolean
  /** Bytes. */
  requestBodyLimit: number
  /** Bytes of a body that is not multipart; Infinity when not limited. */
  requestBodyNoFilesLimit: number
  /** Beyond the limit: refuse with 413, or inspect what fits. */
  requestBodyLimitAction: 'Reject' | 'ProcessPartial'
  /** Deepest nesting of JSON. */
  jsonDepth: number
  /** Most arguments. */
  argumentsLimit: number
  /** Most files in one multipart body. */
  fileLimit: number
  responseBodyAccess: boolean
  responseBodyMimeTypes: string[]
  /** Bytes. */
  responseBodyLimit: number
  responseBodyLimitAction: 'Reject' | 'ProcessPartial'
  /** Seconds. */
  collectionTimeout: number
  auditEngine: 'On' | 'Off' | 'RelevantOnly'
  auditLogParts: string
  /** Pattern for the statuses that RelevantOnly writes. */
  auditLogRelevantStatus: string
  webAppId: string
  componentSignatures: string[]
  /** Between arguments of queries and forms. */
  argumentSeparator: string
  /** Text of XML elements as arguments: beside XML, or instead of it. */
  xmlArguments: 'Off' | 'On' | 'OnlyArgs'
  /** File of SecGeoLookupDb as written, and where it is named. */
  geoFile: (Position & { path: string }) | undefined
  /** That file, once it is open. */
  geo: GeoDatabase | undefined
  /** Directives that are accepted but do nothing here that they do in ModSecurity. */
  ignored: (Position & { name: string })[]
}

/** Settings before any directive: on, with the limits of ModSecurity's recommended file. */
export function defaultConfig(): EngineConfig {
  return {
    engine: 'On',
    requestBodyAccess: true,
    requestBodyLimit: 13_107_200,
    requestBodyNoFilesLimit: Number.POSITIVE_INFINITY,
    requestBodyLimitAction: 'Reject',
    jsonDepth: 512,
    argumentsLimit: 1000,
    fileLimit: 100,
    responseBodyAccess: false,
    responseBodyMimeTypes: ['text/plain', 'text/html', 'text/xml'],
    responseBodyLimit: 524_288,
    responseBodyLimitAction: 'ProcessPartial',
    collectionTimeout: 3600,
    auditEngine: 'RelevantOnly',
    auditLogParts: 'ABIJDEFHZ',
    auditLogRelevantStatus: '^(?:5|4(?!04))',
    webAppId: 'default',
    componentSignatures: [],
    argumentSeparator: '&',
    xmlArguments: 'Off',
    geoFile: undefined,
    geo: undefined,
    ignored: [],
  }
}
