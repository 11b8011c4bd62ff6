/** `@ipMatch` and `@ipMatchFromFile`: addresses and networks, IPv4 and IPv6. */

import { isIPv4, isIPv6 } from 'node:net'
import { RuleMistake } from '../errors.ts'
import { type Operator, simple } from './types.ts'

/** The 4 or 16 bytes of an address, an IPv4 address mapped into IPv6 as its 4; undefined for anything else. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number)
  const zone = text.indexOf('%')
  const plain = zone < 0 ? text : text.slice(0, zone)
  if (!isIPv6(plain)) return undefined
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain)
  const hex = (a: string, b: string): string => (Number(a) * 256 + Number(b)).toString(16)
  const full = dotted ? `${dotted[1]}${hex(dotted[2]!, dotted[3]!)}:${hex(dotted[4]!, dotted[5]!)}` : plain
  const [left, right] = full.split('::')
  const groups = (part: string | undefined): string[] => (part ? part.split(':') : [])
  const head = groups(left)
  const tail = groups(right)
  const all = right === undefined ? head : [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail]
  const bytes = new Uint8Array(16)
  for (const [i, group] of all.entries()) {
    const n = Number.parseInt(group, 16)
    bytes[i * 2] = n >> 8
    bytes[i * 2 + 1] = n & 255
  }
  const mapped = bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 255 && bytes[11] === 255
  return mapped ? bytes.slice(12) : bytes
}

interface Network {
  bytes: Uint8Array
  prefix: number
}

function parseNetwork(text: string): Network {
  const [address, prefix] = text.split('/')
  const bytes = addressBytes(address!)
  const full = address!.includes(':') ? 128 : 32
  const length = prefix === undefined ? full : Number(prefix)
  if (bytes === undefined || !/^\d*$/.test(prefix ?? '') || length > full) {
    throw new RuleMistake(`"${text.slice(0, 60)}" is not an address or network`)
  }
  // An IPv4 address mapped into IPv6 lost its first 96 bits.
  return { bytes, prefix: Math.max(0, length - (full - bytes.length * 8)) }
}

/** The first `prefix` bits of an address, as a text that is equal for all addresses of the network. */
function masked(bytes: Uint8Array, prefix: number): string {
  const whole = prefix >> 3
  const rest = prefix & 7
  let text = ''
  for (let i = 0; i < whole; i++) text += String.fromCharCode(bytes[i]!)
  return rest === 0 ? text : text + String.fromCharCode(bytes[whole]! & (0xff00 >> rest) & 0xff)
}

/** Networks by length: an address costs as many lookups as there are lengths, not as there are networks. */
class Networks {
  private readonly byPrefix4 = new Map<number, Set<string>>()
  private readonly byPrefix6 = new Map<number, Set<string>>()

  constructor(list: readonly string[]) {
    for (const { bytes, prefix } of list.map(parseNetwork)) {
      const byPrefix = this.tableFor(bytes)
      const known = byPrefix.get(prefix)
      if (known === undefined) byPrefix.set(prefix, new Set([masked(bytes, prefix)]))
      else known.add(masked(bytes, prefix))
    }
  }

  has(address: Uint8Array): boolean {
    for (const [prefix, set] of this.tableFor(address)) if (set.has(masked(address, prefix))) return true
    return false
  }

  private tableFor({ length }: Uint8Array): Map<number, Set<string>> {
    return length === 4 ? this.byPrefix4 : this.byPrefix6
  }
}

function operator(list: readonly string[]): Operator {
  const networks = new Networks(list)
  return simple((value) => {
    const address = addressBytes(value.trim())
    return address !== undefined && networks.has(address)
  })
}

/** Addresses and networks separated by commas. */
export function ipMatch(argument: string): Operator {
  return operator(
    argument
      .split(',')
      .map((s) => s.trim())
      .filter((s) => s !== ''),
  )
}

/** One address or network a line, `#` starts a comment. */
export function ipMatchLines(text: string): Operator {
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim())
  return operator(lines.filter((line) => line !== ''))
}
