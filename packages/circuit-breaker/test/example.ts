import { Breaker } from '@portcullis/circuit-breaker'

const breaker = new Breaker({ maxErrors: 1, intervalMs: 60_000, openMs: 10_000 })

/** Fetches, unless the upstream has failed twice in a row a moment ago. */
export async function guarded(url: string): Promise<Response> {
  const ticket = breaker.admit()
  if (typeof ticket === 'number') throw new Error(`circuit open for ${ticket} ms`)
  try {
    const response = await fetch(url)
    if (response.status >= 500) breaker.fail(ticket)
    else breaker.succeed(ticket)
    return response
  } catch (error) {
    breaker.fail(ticket)
    throw error
  }
}
