import { hideQueryCredential, queryValues, REPEATED, type RequestState, soleHeader } from '@portcullis/core'
import type { FastifyRequest } from 'fastify'

/** Where clients put their key. */
export interface KeyPlace {
  /** The key; undefined when there is none, {@link REPEATED} when there are several. */
  read: (request: FastifyRequest) => string | undefined | typeof REPEATED
  /** Takes it out of what the upstream gets. */
  hide: (request: FastifyRequest, state: RequestState) => void
}

/** A key in a header; in `Authorization` after `Bearer` or `ApiKey`, or alone. */
export function headerPlace(identifier: string): KeyPlace {
  const name = identifier.toLowerCase()
  const keyOf = name === 'authorization' ? keyInAuthorization : (value: string) => value
  const read = (request: FastifyRequest): string | undefined | typeof REPEATED => {
    const value = soleHeader(request, name)
    return typeof value === 'string' ? keyOf(value) : value
  }
  const hide = (request: FastifyRequest, state: RequestState): void => {
    // Another scheme in Authorization is somebody else's credential.
    if (read(request) !== undefined) state.removeRequestHeader(request, name)
  }
  return { read, hide }
}

/** A key in the query; a parameter stated twice is ambiguous even when both say the same. */
export function queryPlace(name: string): KeyPlace {
  return {
    read: (request) => {
      const values = queryValues(request, name)
      if (values.length > 1) return REPEATED
      return values[0] === '' ? undefined : values[0]
    },
    hide: (request, state) => hideQueryCredential(request, state, name),
  }
}

function keyInAuthorization(value: string): string | undefined {
  const space = value.indexOf(' ')
  if (space === -1) return /^(bearer|apikey)$/i.test(value) ? undefined : value
  if (!/^(bearer|apikey)$/i.test(value.slice(0, space))) return undefined
  return value.slice(space + 1).trim() || undefined
}
