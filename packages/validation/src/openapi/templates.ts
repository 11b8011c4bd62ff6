/** A path that matched: what was stored under its template, and its parameters, decoded once. */
export interface TemplateMatch<Value> {
  value: Value
  params: Record<string, string>
}

/** A segment with parameters: literal texts around names, `{name}.json`. */
interface Segment {
  texts: readonly string[]
  names: readonly string[]
}

interface Node<Value> {
  literals: Map<string, Node<Value>>
  templates: { segment: Segment; node: Node<Value> }[]
  value: Value | undefined
}

/** What readers behind the gateway may take for another path: separators, dots, control characters. */
const UNSAFE = /[/\\\x00-\x1f\x7f]/

/**
 * Path templates of an OpenAPI document. A path is split at `/` first and decoded after, once, segment by segment, so an
 * encoded slash never makes a segment; a concrete segment goes before a templated one.
 */
export class PathTemplates<Value> {
  readonly #root: Node<Value> = { literals: new Map(), templates: [], value: undefined }

  add(template: string, value: Value): void {
    let node = this.#root
    for (const text of template.split('/').slice(1)) {
      const segment = readSegment(text)
      let next =
        segment.names.length === 0
          ? node.literals.get(text)
          : node.templates.find((other) => other.segment.texts.join('{}') === segment.texts.join('{}'))?.node
      if (next === undefined) {
        next = { literals: new Map(), templates: [], value: undefined }
        if (segment.names.length === 0) node.literals.set(text, next)
        else node.templates.push({ segment, node: next })
      }
      node = next
    }
    node.value = value
  }

  /**
   * @param path the raw path, without query, percent-encoded.
   * @returns `unsafe` for a path that is not the same to every reader: broken escapes, encoded slashes, dot segments.
   */
  match(path: string): TemplateMatch<Value> | 'unsafe' | undefined {
    if (!path.startsWith('/')) return undefined
    const segments: string[] = []
    for (const raw of path.split('/').slice(1)) {
      const text = decode(raw)
      if (text === undefined || UNSAFE.test(text) || text === '.' || text === '..') return 'unsafe'
      segments.push(text)
    }
    return find(this.#root, segments, 0, [])
  }
}

/** Each node of the tree is visited at most once: a template has one place in it. */
function find<Value>(
  node: Node<Value>,
  segments: readonly string[],
  at: number,
  found: readonly (readonly [string, string])[],
): TemplateMatch<Value> | undefined {
  if (at === segments.length)
    return node.value === undefined ? undefined : { value: node.value, params: Object.fromEntries(found) }
  const text = segments[at]!
  const literal = node.literals.get(text)
  const exact = literal === undefined ? undefined : find(literal, segments, at + 1, found)
  if (exact !== undefined) return exact
  for (const template of node.templates) {
    const values = matchSegment(template.segment, text)
    const match = values === undefined ? undefined : find(template.node, segments, at + 1, [...found, ...values])
    if (match !== undefined) return match
  }
  return undefined
}

function readSegment(text: string): Segment {
  const texts: string[] = []
  const names: string[] = []
  let rest = text
  for (let open = rest.indexOf('{'); open !== -1; open = rest.indexOf('{')) {
    const close = rest.indexOf('}', open)
    if (close === -1) break
    texts.push(rest.slice(0, open))
    names.push(rest.slice(open + 1, close))
    rest = rest.slice(close + 1)
  }
  texts.push(rest)
  return { texts, names }
}

/** Parameters are as short as the text after them allows, the last one takes the rest; none is empty. */
function matchSegment({ texts, names }: Segment, text: string): [string, string][] | undefined {
  if (!text.startsWith(texts[0]!)) return undefined
  const values: [string, string][] = []
  let at = texts[0]!.length
  for (let i = 0; i < names.length; i++) {
    const after = texts[i + 1]!
    const last = i === names.length - 1
    const end = last ? text.length - after.length : text.indexOf(after, at + 1)
    if (end <= at || (last && !text.endsWith(after))) return undefined
    values.push([names[i]!, text.slice(at, end)])
    at = end + after.length
  }
  return values
}

function decode(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** A template or a route without the names of its parameters: `/users/{}`. */
export function skeleton(pattern: string): { shape: string; names: string[] } {
  const names: string[] = []
  const shape = pattern.replace(/\{([^}]+)\}|:(\w+)(?:\([^)]*\))?\??/g, (_, template?: string, route?: string) => {
    names.push((template ?? route)!)
    return '{}'
  })
  return { shape, names }
}
