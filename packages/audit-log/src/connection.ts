import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { quote } from './json-text.ts'

/** What is told of a connection's TLS. */
interface TlsFacts {
  version: string
  cipher: string
  serverName: string | undefined
  /** Of the client's certificate: who it says it is, and its SHA-256 fingerprint. */
  subject: string | undefined
  fingerprint: string | undefined
  authorized: boolean
}

/** What is the same for every request of a connection, gathered once. */
export interface Connection {
  peer: string | undefined
  port: number | undefined
  tls: TlsFacts | undefined
  /** The JSON member `"tls":{…},` ready to be put into a line; empty without TLS. */
  tlsText: string
  /** The JSON member `"client":{…}` of a client that speaks for itself. */
  clientText: string
}

const KNOWN = Symbol('portcullis.audit.connection')

interface Holder {
  [KNOWN]?: Connection
}

const NO_CONNECTION: Connection = {
  peer: undefined,
  port: undefined,
  tls: undefined,
  tlsText: '',
  clientText: '"client":{}',
}

/** The facts of the connection that a socket is; the socket keeps them. */
export function connectionOf(socket: Socket | undefined): Connection {
  if (socket === undefined || socket === null) return NO_CONNECTION
  const holder = socket as Holder
  holder[KNOWN] ??= gatherAll(socket)
  return holder[KNOWN]
}

function gatherAll(socket: Socket): Connection {
  const tls = 'getCipher' in socket ? gather(socket as TLSSocket) : undefined
  const { remoteAddress: peer, remotePort: port } = socket
  return {
    peer,
    port,
    tls,
    tlsText: tls === undefined ? '' : textOf(tls),
    clientText: peer === undefined ? '"client":{}' : clientText(peer, peer, port),
  }
}

/** The JSON member `"client":{…}`: the address, and how it was derived. */
export function clientText(ip: string, peer: string | undefined, port: number | undefined): string {
  const portText = port === undefined ? '' : `,"port":${port}`
  const direct = peer === undefined || peer === ip
  const peerText = direct ? '' : `,"peer":${quote(peer)}`
  return `"client":{"ip":${quote(ip)}${portText}${peerText},"source":"${direct ? 'connection' : 'x-forwarded-for'}"}`
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
