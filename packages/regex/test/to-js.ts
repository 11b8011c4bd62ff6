import type { Node } from '../src/ast.ts'
import { type ByteSet, hasByte } from '../src/bytes.ts'

export function setSource(set: ByteSet): string {
  const hex = (b: number): string => '\\x' + b.toString(16).padStart(2, '0')
  let text = ''
  for (let b = 0; b < 256; b++) {
    if (!hasByte(set, b)) continue
    let end = b
    while (end < 255 && hasByte(set, end + 1)) end++
    text += end > b ? `${hex(b)}-${hex(end)}` : hex(b)
    b = end
  }
  return `[${text}]`
}

const ASSERT = { bos: '^', eos: '$', bol: '(?:^|(?<=\\n)(?!$))', eol: '(?=\\n|$)', word: '\\b', notWord: '\\B' }

export function emit(node: Node): string {
  switch (node.kind) {
    case 'empty':
      return '(?:)'
    case 'set':
      return setSource(node.set)
    case 'cat':
      return node.items.map(emit).join('')
    case 'alt':
      return `(?:${node.items.map(emit).join('|')})`
    case 'repeat':
      return `(?:${emit(node.body)}){${node.min},${node.max === Infinity ? '' : node.max}}${node.lazy ? '?' : ''}`
    case 'group':
      return `(${emit(node.body)})`
    case 'assert':
      return ASSERT[node.what]
    case 'peek':
      return `(?${node.behind ? '<' : ''}${node.negative ? '!' : '='}${setSource(node.set)})`
    case 'look':
      return `(?${node.behind ? '<' : ''}${node.negative ? '!' : '='}${emit(node.body)})`
    case 'atomic':
      return `(?:${emit(node.body)})`
    case 'backref':
      return `(?:\\${node.index})`
  }
}
