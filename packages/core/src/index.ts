/**
 * What every Portcullis component shares.
 *
 * - `Component` and its steps: the contract of one security function ({@link Component}).
 * - `toPlugin` and `Engine`: components become Fastify hooks; one root hook per lifecycle phase, one plan per route.
 * - `Refusal` and `Answer`: what a step may decide of a request.
 * - configuration: durations, sizes, schema checks whose errors name the place and the nearest right name.
 * - addresses, the state store, identity headers.
 */

export { type Address, canonicalAddress, networkKey, parseAddress } from './address.ts'
export { type BodyNeeds, BodyTap } from './body-tap.ts'
export { type ClaimReader, claimReader, ownValue } from './claims.ts'
export type {
  AbortStep,
  Component,
  ComponentInstance,
  Context,
  Gauge,
  Level,
  MaybePromise,
  ParserRefusal,
  ParsingStep,
  Phase,
  RequestStep,
  ResponseStep,
  SendStep,
  Step,
  StepResult,
  UpstreamOutcome,
  UpstreamRequest,
  UpstreamRequestStep,
  UpstreamResponseStep,
} from './component.ts'
export {
  type Block,
  type Blocks,
  ComponentIndex,
  modeSchema,
  type ReadOptions,
  readBlocks,
  schemaOf,
} from './config/blocks.ts'
export { duration, durationSchema } from './config/duration.ts'
export { type ConfigIssue, ConfigurationError, closest, didYouMean, formatIssue } from './config/issues.ts'
export { type CheckOptions, checkSchema, isCommentKey, type JSONSchema } from './config/schema.ts'
export { size, sizeSchema } from './config/size.ts'
export { copyStream } from './copy-stream.ts'
export {
  hideQueryCredential,
  isPreflight,
  passesAsPreflight,
  queryValues,
  REPEATED,
  runOnPreflightSchema,
  soleHeader,
} from './credentials.ts'
export { hasBody } from './engine/body.ts'
export { type EndpointRoute, Engine, type EngineOptions, enginesOf } from './engine/engine.ts'
export { handleClientError, handleFrameworkError } from './engine/framework-errors.ts'
export type { BoundInstance, BoundStep, Order, Plan, StepOwner } from './engine/plan.ts'
export { errorBody } from './engine/run.ts'
export { runUpstreamRequest, runUpstreamResponse } from './engine/run-upstream.ts'
export { closeAfterResponse } from './engine/settle.ts'
export { foldHeaderName, IdentityHeaders } from './identity-headers.ts'
export { IpSet } from './ip-set.ts'
export {
  type BodyObstacle,
  type InspectableBody,
  inspectableBody,
  isJsonType,
  isUtf8Type,
  type MediaType,
  parseMediaType,
} from './media-type.ts'
export { fastifyOptions, peerTrust } from './peer-trust.ts'
export { type Companion, type ComponentPlugin, type PluginOptions, toPlugin } from './plugin.ts'
export { isRepeated } from './raw-headers.ts'
export { Answer, NewPayload, Refusal, type RefusalOptions } from './refusal.ts'
export { ReloadingFile, type ReloadingFileOptions } from './reloading-file.ts'
export { type Decision, type Identity, type RateLimitStatus, RequestState, stateOf } from './request-state.ts'
export { onRouteOf, seenRoutes } from './seen-routes.ts'
export { MemoryStore, type MemoryStoreOptions } from './store/memory.ts'
export { createRedisStore, type RedisStore, type RedisStoreOptions } from './store/redis.ts'
export type { RedisClient } from './store/redis-client.ts'
export { checkRedis, type RedisConfig, type RedisTls, redisSchema } from './store/redis-config.ts'
export {
  type Bucket,
  type Limit,
  type Limiter,
  type LimitResult,
  type LimitRule,
  type Store,
  StoreUnavailableError,
  type Window,
} from './store/store.ts'
export { defaultJsonLimits, type JsonFault, type JsonLimits, parseStrictJson, type StrictJson } from './strict-json.ts'
