import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** An address as numbers: a v4 address is one unsigned integer, a v6 address is 32 hexadecimal digits. */
export type Address = { family: 4; value: number } | { family: 6; value: string }

const MAPPED_PREFIX = '00000000000000000000ffff'
const NAT64_PREFIX = '0064ff9b0000000000000000'

/**
 * Parses an address. IPv4-mapped (`::ffff:a.b.c.d`) and NAT64 (`64:ff9b::/96`) addresses are the v4 address that
 * they carry, a zone (`%eth0`) is dropped: one peer has one spelling, whatever the listener.
 *
 * @returns undefined for anything that is not an address (octal, short or padded forms are none).
 */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: v4Value(text) }
  if (!isIPv6(text)) return undefined
  const hex = v6Digits(text)
  if (hex.startsWith(MAPPED_PREFIX) || hex.startsWith(NAT64_PREFIX)) {
    return { family: 4, value: Number.parseInt(hex.slice(24), 16) }
  }
  return { family: 6, value: hex }
}

/** The one spelling of an address: dotted v4, or v6 as RFC 5952 writes it. Other text comes back unchanged. */
export function canonicalAddress(text: string): string {
  const address = parseAddress(text)
  return address === undefined ? text : formatAddress(address)
}

/**
 * The key under which a client is counted: a v4 address, or the network of a v6 address, since one v6 client
 * commonly owns a whole /64.
 *
 * @param prefix length of the v6 network in bits, 1 to 128. Default 64.
 */
export function networkKey(text: string, prefix = 64): string {
  if (isIPv4(text)) return text
  const address = parseAddress(text)
  if (address === undefined || address.family === 4) return canonicalAddress(text)
  const digits = Math.ceil(prefix / 4)
  const spare = digits * 4 - prefix
  const head = address.value.slice(0, digits - 1)
  const last = (Number.parseInt(address.value[digits - 1]!, 16) >> spare) << spare
  return `${head}${last.toString(16)}/${prefix}`
}

/** Four decimal numbers as one unsigned integer. */
function v4Value(text: string): number {
  let value = 0
  let part = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 46) {
      value = value * 256 + part
      part = 0
    } else part = part * 10 + code - 48
  }
  return value * 256 + part
}

/**
 * The 32 digits of a valid v6 address; its zone is dropped. A dotted tail stands for two groups wherever it is:
 * `::10.0.0.7` is no v4 address.
 */
function v6Digits(text: string): string {
  const zone = text.indexOf('%')
  const plain = zone === -1 ? text : text.slice(0, zone)
  const gap = plain.indexOf('::')
  if (gap === -1) return groupDigits(plain)
  const head = groupDigits(plain.slice(0, gap))
  const tail = groupDigits(plain.slice(gap + 2))
  return head + tail.padStart(32 - head.length, '0')
}

function groupDigits(groups: string): string {
  if (groups === '') return ''
  let digits = ''
  for (const group of groups.split(':')) {
    digits += group.includes('.') ? v4Value(group).toString(16).padStart(8, '0') : group.toLowerCase().padStart(4, '0')
  }
  return digits
}

function formatAddress(address: Address): string {
  if (address.family === 4) {
    const { value } = address
    return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
  }
  const groups = address.value.match(/.{4}/g)!
  return ipaddr.IPv6.parse(groups.join(':')).toRFC5952String()
}
