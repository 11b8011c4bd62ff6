import { createSecretKey } from 'node:crypto'
import { SignJWT } from 'jose'

/** The secret that every contestant of the token suites verifies with. */
export const SECRET = 'a secret of at least thirty-two bytes for the bench'

/** A token of ten claims, as an identity provider makes them. */
export function makeToken(subject: string): Promise<string> {
  const claims = {
    sub: subject,
    roles: ['user', 'editor'],
    scope: 'read write',
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    locale: 'en',
    azp: 'app',
    sid: 'x'.repeat(36),
  }
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('https://issuer.example')
    .setExpirationTime(4_102_444_800)
    .sign(createSecretKey(Buffer.from(SECRET)))
}
