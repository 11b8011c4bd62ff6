import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'
import type { Identity, RequestState, RequestStep } from '@portcullis/core'
import type { FastifyRequest } from 'fastify'

/** Facts of a verified client certificate, as header mappings and the audit log see them. */
export interface ClientCertificate extends Readonly<Record<string, unknown>> {
  subject: string
  common_name: string
  issuer: string
  serial: string
  /** SHA-256 of the certificate, hexadecimal in pairs. */
  fingerprint: string
  /** Subject alternative names: `DNS:a.example, URI:spiffe://…`. */
  sans: string
  not_after: string
}

/** Which fact goes to the upstream under which header name. */
export type CertificateHeaders = readonly (readonly [fact: string, header: string])[]

const seen = new WeakMap<object, Identity | null>()

/** Adds the client's certificate as an identity, and its facts as headers. Read once per connection. */
export function certificateStep(mapping: CertificateHeaders): RequestStep {
  const headers = mapping.map(([fact, header]) => [fact, header.toLowerCase()] as const)
  return (request: FastifyRequest, state: RequestState) => {
    const identity = identityOf(request)
    if (identity === null) return undefined
    state.addIdentity(identity)
    for (const [fact, header] of headers) {
      const value = (identity.claims as ClientCertificate)[fact]
      if (typeof value === 'string' && value !== '') state.setRequestHeader(request, header, encode(value))
    }
    return undefined
  }
}

function identityOf(request: FastifyRequest): Identity | null {
  const socket = request.raw.socket as TLSSocket
  const known = seen.get(socket)
  if (known !== undefined) return known
  const certificate = socket.authorized === true ? socket.getPeerCertificate?.() : undefined
  const identity =
    certificate === undefined || Object.keys(certificate).length === 0
      ? null
      : toIdentity(certificate as DetailedPeerCertificate)
  seen.set(socket, identity)
  return identity
}

function toIdentity(certificate: DetailedPeerCertificate): Identity {
  const claims: ClientCertificate = Object.freeze({
    subject: distinguishedName(certificate.subject),
    common_name: [certificate.subject.CN].flat().join(' '),
    issuer: distinguishedName(certificate.issuer),
    serial: certificate.serialNumber,
    fingerprint: certificate.fingerprint256,
    sans: certificate.subjectaltname ?? '',
    not_after: certificate.valid_to,
  })
  return { kind: 'mtls', subject: claims.common_name || claims.subject, keyId: claims.fingerprint, claims }
}

/** RFC 4514, in the order in which the certificate has the parts. */
function distinguishedName(name: object | undefined): string {
  const parts = Object.entries(name ?? {}).flatMap(([type, value]) =>
    [value].flat().map((one) => `${type}=${String(one).replace(/[,+"\\<>;=]/g, '\\$&')}`),
  )
  return parts.join(',')
}

/** Header values are ASCII: everything else is percent-encoded UTF-8, so that no fact can add a header or a line. */
function encode(value: string): string {
  return value.replace(/[^\x20-\x7e]|%/gu, (character) =>
    encodeURIComponent(character.replace(/\p{Surrogate}/u, '\ufffd')),
  )
}
