/** Writes small MaxMind databases, as their specification lays them out. */

type Value = string | number | { double: number } | { pointer: number } | Value[] | { map: Record<string, Value> }

function control(type: number, size: number): Buffer {
  const short = size < 29 ? size : size < 285 ? 29 : 30
  const more = size < 29 ? [] : size < 285 ? [size - 29] : [(size - 285) >> 8, (size - 285) & 255]
  return Buffer.from(type > 7 ? [short, type - 7, ...more] : [(type << 5) | short, ...more])
}

/** One value of the data section. */
export function encode(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.concat([control(2, Buffer.byteLength(value)), Buffer.from(value)])
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return Buffer.concat([control(6, 4), bytes])
  }
  if (Array.isArray(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)])
  if ('double' in value) {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleBE(value.double)
    return Buffer.concat([control(3, 8), bytes])
  }
  if ('pointer' in value) return Buffer.from([0x20 | (value.pointer >> 8), value.pointer & 255])
  const entries = Object.entries(value.map)
  return Buffer.concat([control(7, entries.length), ...entries.flatMap(([k, v]) => [encode(k), encode(v)])])
}

interface Node {
  children: [Node | number | undefined, Node | number | undefined]
}

/** A network: the bits of its address, and the offset of its record in the data. */
export interface Leaf {
  bits: string
  offset: number
}

/** A database with these networks. @param recordSize 24, 28 or 32 */
export function makeDatabase(leaves: readonly Leaf[], data: Buffer, recordSize: number, version: 4 | 6): Buffer {
  const root: Node = { children: [undefined, undefined] }
  for (const { bits, offset } of leaves) {
    let node = root
    for (const [i, bit] of [...bits].entries()) {
      const side = Number(bit) as 0 | 1
      if (i === bits.length - 1) node.children[side] = offset
      else {
        node.children[side] ??= { children: [undefined, undefined] }
        node = node.children[side] as Node
      }
    }
  }
  const nodes: Node[] = [root]
  for (const { children } of nodes) for (const child of children) if (typeof child === 'object') nodes.push(child)
  const recordOf = (child: Node['children'][0]): number => {
    if (child === undefined) return nodes.length
    return typeof child === 'number' ? nodes.length + 16 + child : nodes.indexOf(child)
  }
  const tree = nodes.map(({ children: [left, right] }) => pack(recordOf(left), recordOf(right), recordSize))
  const metadata = encode({
    map: { node_count: nodes.length, record_size: recordSize, ip_version: version, database_type: 'Test' },
  })
  return Buffer.concat([...tree, Buffer.alloc(16), data, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), metadata])
}

function pack(left: number, right: number, recordSize: number): Buffer {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
  if (recordSize !== 28) return Buffer.from(hex(left, recordSize / 4) + hex(right, recordSize / 4), 'hex')
  const [a, b] = [hex(left, 7), hex(right, 7)]
  return Buffer.from(a.slice(1) + a[0] + b[0] + b.slice(1), 'hex')
}

/** The first bits of an address. */
export function bitsOf(bytes: readonly number[], prefix: number): string {
  return bytes
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
    .slice(0, prefix)
}
