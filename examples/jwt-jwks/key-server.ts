/**
 * An identity provider in small: it signs tokens and publishes the public keys. When it rotates, the new key is
 * published before the first token is signed with it, and the old one stays for as long as its tokens live.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

interface SigningKey {
  kid: string
  privateKey: CryptoKey
  publicJwk: JWK
}

export class KeyServer {
  /** How often the key set was asked for. */
  fetches = 0
  readonly #server: Server
  #published: SigningKey[] = []
  #count = 0

  constructor() {
    this.#server = createServer((_request, response) => {
      this.fetches++
      const keys = this.#published.map(({ publicJwk }) => publicJwk)
      response.setHeader('content-type', 'application/jwk-set+json').end(JSON.stringify({ keys }))
    })
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks.json`
  }

  async start(): Promise<void> {
    await this.rotate()
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  stop(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  /** Tokens are signed with a new key from now on; of the old keys the last one stays. */
  async rotate(): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    const kid = `key-${++this.#count}`
    const publicJwk = { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'ES256' }
    this.#published = [{ kid, privateKey, publicJwk }, ...this.#published.slice(0, 1)]
  }

  /** A token that lives for a minute, signed with the newest key. */
  sign(subject: string, roles: string[]): Promise<string> {
    const { kid, privateKey } = this.#published[0]!
    return new SignJWT({ roles })
      .setProtectedHeader({ alg: 'ES256', kid })
      .setIssuer('https://id.example.com')
      .setSubject(subject)
      .setExpirationTime('1m')
      .sign(privateKey)
  }
}
