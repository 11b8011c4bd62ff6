import dgram from 'node:dgram'
import net from 'node:net'
import { hostname } from 'node:os'
import tls from 'node:tls'
import { FACILITIES, type Facility } from './config.ts'
import type { Transport } from './ship-sink.ts'

/** Where and how syslog messages are sent. */
export interface SyslogTransportOptions {
  host: string
  port: number
  protocol: 'udp' | 'tcp' | 'tls'
  facility: Facility
  appName: string
  /** PEM of the authorities to trust instead of the system's. */
  ca?: string | undefined
}

/** RFC 5424 section 6.2.1. */
const NOTICE = 5
const INFORMATIONAL = 6
/** Milliseconds until a connection must stand. */
const CONNECT = 5000
/** More does not fit into one datagram. */
const MAX_DATAGRAM = 65_000

/**
 * Sends every line as an RFC 5424 message: refusals as notices, the others as informational. UDP as RFC 5426 has it,
 * TCP and TLS with octet counting (RFC 6587, RFC 5425); the certificate is verified.
 */
export function syslogTransport(options: SyslogTransportOptions): Transport {
  const format = formatter(options)
  const name = `syslog+${options.protocol}://${options.host}:${options.port}`
  return options.protocol === 'udp' ? datagrams(name, options, format) : stream(name, options, format)
}

function formatter({ facility, appName }: SyslogTransportOptions): (line: string) => string {
  const base = FACILITIES[facility] * 8
  const machine =
    hostname()
      .replace(/[^!-~]/g, '')
      .slice(0, 255) || '-'
  const head = (severity: number): string => `<${base + severity}>1`
  const tail = `${machine} ${appName} ${process.pid} audit -`
  return (line) => {
    const severity = line.includes('"outcome":"refused"') ? NOTICE : INFORMATIONAL
    return `${head(severity)} ${new Date().toISOString()} ${tail} ${line.slice(0, -1)}`
  }
}

function datagrams(name: string, { host, port }: SyslogTransportOptions, format: (line: string) => string): Transport {
  const socket = dgram.createSocket(net.isIPv6(host) ? 'udp6' : 'udp4')
  socket.unref()
  socket.on('error', () => undefined)
  const sendOne = (text: string): Promise<void> =>
    new Promise((resolve, reject) =>
      socket.send(text.slice(0, MAX_DATAGRAM), port, host, (error) => (error === null ? resolve() : reject(error))),
    )
  return {
    name,
    send: async (lines) => {
      for (const line of lines) await sendOne(format(line))
    },
    close: () => socket.close(),
  }
}

function stream(name: string, options: SyslogTransportOptions, format: (line: string) => string): Transport {
  let socket: net.Socket | undefined
  return {
    name,
    send: async (lines) => {
      socket ??= await connect(options, () => {
        socket = undefined
      })
      const text = lines.map((line) => framed(format(line))).join('')
      await written(socket, text)
    },
    close: () => socket?.destroy(),
  }
}

function framed(message: string): string {
  return `${message.length} ${message}`
}

function connect(options: SyslogTransportOptions, onClose: () => void): Promise<net.Socket> {
  const { host, port, protocol, ca } = options
  return new Promise((resolve, reject) => {
    const servername = net.isIP(host) === 0 ? { servername: host } : {}
    const made =
      protocol === 'tls'
        ? tls.connect({ host, port, ...servername, ...(ca === undefined ? undefined : { ca }) })
        : net.connect({ host, port })
    made.unref()
    made.setTimeout(CONNECT, () => made.destroy(new Error('the syslog server does not answer')))
    made.once('error', reject)
    made.once(protocol === 'tls' ? 'secureConnect' : 'connect', () => {
      made.setTimeout(0)
      made.removeListener('error', reject)
      made.on('error', () => undefined)
      resolve(made)
    })
    made.once('close', onClose)
    // Nothing is expected back; reading tells us of a server that closes.
    made.resume()
  })
}

function written(socket: net.Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('the syslog server closed the connection'))
    socket.once('close', onClose)
    socket.write(text, (error) => {
      socket.removeListener('close', onClose)
      if (error === null || error === undefined) resolve()
      else reject(error)
    })
  })
}
