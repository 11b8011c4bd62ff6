import { createHash, X509Certificate } from 'node:crypto'
import { type DetailedPeerCertificate, rootCertificates, TLSSocket } from 'node:tls'
import { Agent, buildConnector, request } from 'undici'

/** What is trusted of the server that publishes keys. */
export interface ProviderTrust {
  url: string
  /** PEM certificates trusted beside the public ones. */
  ca?: string
  /** SHA-256 of public keys (SubjectPublicKeyInfo), one of which must stand in the server's chain. */
  pins?: readonly Buffer[]
  /** Milliseconds for the whole exchange. */
  timeout: number
}

/** Fetches a document, again and again; `close` ends its connections. */
export interface Fetcher {
  fetch: () => Promise<string>
  close: () => void
}

/** No honest key set is larger. */
const MAX_BYTES = 1024 * 1024

/**
 * A client for one key set: certificates verified, no redirects followed, at most {@link MAX_BYTES} read, all of it
 * within the timeout. What it rejects with says why, and quotes nothing that the server sent.
 */
export function jwksFetcher(trust: ProviderTrust): Fetcher {
  const dispatcher = new Agent({ connect: connectorOf(trust), connections: 2, keepAliveTimeout: 1000 })
  return {
    fetch: () => fetchDocument(trust, dispatcher),
    close: () => void dispatcher.destroy().catch(() => undefined),
  }
}

async function fetchDocument(trust: ProviderTrust, dispatcher: Agent): Promise<string> {
  const signal = AbortSignal.timeout(trust.timeout)
  const { statusCode, headers, body } = await request(trust.url, {
    dispatcher,
    signal,
    headers: { accept: 'application/jwk-set+json, application/json', 'accept-encoding': 'identity' },
  })
  const refuse = (reason: string): never => {
    // Nothing more is wanted of this answer; an error that follows is of its own making.
    body.on('error', () => undefined).destroy()
    throw new Error(reason)
  }
  if (statusCode !== 200) return refuse(`status ${statusCode}`)
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity') return refuse('encoded answer')
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_BYTES) return refuse(`more than ${MAX_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function connectorOf({ ca, pins, timeout }: ProviderTrust): buildConnector.connector {
  const connect = buildConnector({
    timeout,
    // A resumed session may come without its chain, and pins are checked against the chain.
    maxCachedSessions: 0,
    ...(ca === undefined ? undefined : { ca: [...rootCertificates, ca] }),
  })
  if (pins === undefined) return connect
  return (options, callback) => {
    connect(options, (error, socket) => {
      if (error !== null) {
        callback(error, null)
      } else if (socket instanceof TLSSocket && hasPin(socket.getPeerCertificate(true), pins)) {
        callback(null, socket)
      } else {
        socket?.destroy()
        callback(new Error('no certificate of the server has a configured fingerprint'), null)
      }
    })
  }
}

/** Walks the chain that the server presented; a self-signed certificate is its own issuer. */
function hasPin(leaf: DetailedPeerCertificate, pins: readonly Buffer[]): boolean {
  const seen = new Set<string>()
  for (let link: DetailedPeerCertificate | undefined = leaf; link?.raw !== undefined; link = link.issuerCertificate) {
    if (seen.has(link.fingerprint256)) return false
    seen.add(link.fingerprint256)
    if (pins.some((pin) => pin.equals(fingerprintOf(link!.raw)))) return true
  }
  return false
}

function fingerprintOf(certificate: Buffer): Buffer {
  const spki = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest()
}
