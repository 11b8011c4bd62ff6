import { Refusal, type RefusalOptions } from '@portcullis/core'
import type { RuleFault } from './token-rules.ts'
import type { VerifyFault } from './verifier.ts'

/** Everything that can be wrong with a request's token. */
export type Fault = VerifyFault | RuleFault | 'missing' | 'ambiguous'

/**
 * A route's refusals by fault, made once. The client learns what RFC 6750 (section 3) lets it learn; the fault itself
 * is in the decision record alone.
 */
export function makeRefusals(realm: string, scopes: readonly string[] | undefined): (fault: Fault) => Refusal {
  const challenge = (parameters: string): string => `Bearer realm="${realm}"${parameters}`
  const invalid = challenge(', error="invalid_token"')
  const expired = challenge(', error="invalid_token", error_description="The token has expired"')
  const insufficient = challenge(', error="insufficient_scope"')
  const missingScope = challenge(`, error="insufficient_scope", scope="${(scopes ?? []).join(' ')}"`)
  const make = (fault: Fault): Refusal => {
    const options = (header: string): RefusalOptions => ({
      headers: { 'www-authenticate': header },
      detail: { reason: fault },
    })
    switch (fault) {
      case 'missing':
        return new Refusal(401, 'TOKEN_MISSING', 'A token is needed', options(challenge('')))
      case 'expired':
        return new Refusal(401, 'TOKEN_EXPIRED', 'The token has expired', options(expired))
      case 'role':
        return new Refusal(403, 'FORBIDDEN_ROLE', 'The token lacks the role', options(insufficient))
      case 'scope':
        return new Refusal(403, 'FORBIDDEN_SCOPE', 'The token lacks the scope', options(missingScope))
      case 'keys-unavailable':
        return new Refusal(503, 'KEYS_UNAVAILABLE', 'Tokens cannot be checked now', { detail: { reason: fault } })
      default:
        return new Refusal(401, 'TOKEN_INVALID', 'The token is not valid', options(invalid))
    }
  }
  const made = new Map<Fault, Refusal>()
  return (fault) => {
    let refusal = made.get(fault)
    if (refusal === undefined) {
      refusal = make(fault)
      made.set(fault, refusal)
    }
    return refusal
  }
}
