import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { quote } from './json-text.ts'

/** What is told of a connection's TLS. */
export interface TlsFacts {
  version: string
  cipher: string
  serverName: string | undefined
  /** Of the client's certificate: who it says it is, and its SHA-256 fingerprint. */
  subject: string | undefined
  fingerprint: string | undefined
  authorized: boolean
}

const FACTS = Symbol('portcullis.audit.tls')

interface Known {
  [FACTS]?: { facts: TlsFacts | undefined; text: string }
}

/** The TLS facts of a connection, gathered once for all its requests; undefined without TLS. */
export function tlsFacts(socket: Socket | undefined): TlsFacts | undefined {
  return socket === undefined ? undefined : known(socket).facts
}

/** The same as the JSON member `"tls":{…},`, ready to be put into a line; empty without TLS. */
export function tlsText(socket: Socket | undefined): string {
  return socket === undefined ? '' : known(socket).text
}

function known(socket: Socket): { facts: TlsFacts | undefined; text: string } {
  const holder = socket as Known
  let found = holder[FACTS]
  if (found === undefined) {
    const facts = 'getCipher' in socket ? gather(socket as TLSSocket) : undefined
    found = { facts, text: facts === undefined ? '' : textOf(facts) }
    holder[FACTS] = found
  }
  return found
}

function gather(socket: TLSSocket): TlsFacts | undefined {
  try {
    const cipher = socket.getCipher()
    const certificate = socket.getPeerCertificate?.()
    const name = (socket as TLSSocket & { servername?: string | false }).servername
    return {
      version: socket.getProtocol() ?? '',
      cipher: cipher?.standardName ?? cipher?.name ?? '',
      serverName: typeof name === 'string' ? name : undefined,
      subject: certificate?.subject === undefined ? undefined : distinguishedName(certificate.subject),
      fingerprint: certificate?.fingerprint256,
      authorized: socket.authorized,
    }
  } catch {
    // The connection may be gone before the line is written.
    return undefined
  }
}

function distinguishedName(subject: object): string {
  return Object.entries(subject as Record<string, string | string[]>)
    .flatMap(([key, value]) => [value].flat().map((part) => `${key}=${part}`))
    .join(',')
}

function textOf(facts: TlsFacts): string {
  const name = facts.serverName === undefined ? '' : `,"server_name":${quote(facts.serverName, 256)}`
  const client =
    facts.subject === undefined
      ? ''
      : `,"client":{"subject":${quote(facts.subject)},"fingerprint":${quote(facts.fingerprint ?? '')},"verified":${facts.authorized}}`
  return `"tls":{"version":${quote(facts.version)},"cipher":${quote(facts.cipher)}${name}${client}},`
}
