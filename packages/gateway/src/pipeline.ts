import { apiKeys } from '@portcullis/api-keys'
import type { Component, Order } from '@portcullis/core'
import { backendHttp } from '@portcullis/proxy'
import { clientTls } from '@portcullis/tls'

/** Every component. A new function is one more line here, and its slots in {@link order}. */
export const components: readonly Component[] = [
  apiKeys,
  backendHttp,
  clientTls,
] as readonly unknown[] as readonly Component[]

/** The fixed order of the steps in each phase: cheap before expensive, whatever the order of keys in a configuration. */
export const order: Order = {}
