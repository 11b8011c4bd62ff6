/** The ASCII byte that stands for a Unicode code point in code page 20127, ModSecurity's usual SecUnicodeMapFile setting. */

/** Code points that have no decomposition but look like, or are used for, an ASCII sign. */
const LOOKALIKES: Record<string, string> = {
  ' ': '\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u3000',
  '!': '\u00a1\u01c3',
  '"': '\u02ba\u030e\u201c\u201d\u201e\u2033\u301d\u301e',
  '#': '\u266f',
  $: '\u00a4',
  "'": '\u02b9\u02bc\u02c8\u0301\u2018\u2019\u2032',
  '*': '\u2217',
  ',': '\u00b8\u0327\u201a',
  '-': '\u00ad\u2010\u2011\u2013\u2014\u2212',
  '.': '\u00b7\u2022\u2024\u2026',
  '/': '\u2044\u2215',
  ':': '\u2236',
  '<': '\u00ab\u2039\u2329\u3008',
  '>': '\u00bb\u203a\u232a\u3009',
  '[': '\u301a',
  '\\': '\u2216',
  ']': '\u301b',
  '^': '\u02c4\u02c6\u0302\u2303',
  _: '\u02cd\u0331\u0332\u2017',
  '`': '\u02cb\u0300\u2035',
  '|': '\u00a6\u01c0\u2223\u2758',
  '~': '\u02dc\u0303\u223c',
  A: '\u00c6',
  C: '\u00a9',
  D: '\u00d0\u0110\u0189',
  F: '\u03a6',
  G: '\u0393',
  H: '\u0126',
  L: '\u0141',
  O: '\u00d8\u0152\u03a9',
  R: '\u00ae',
  S: '\u03a3',
  T: '\u0166\u0398\u2122',
  Y: '\u00a5',
  a: '\u00e6\u03b1',
  b: '\u0180',
  c: '\u00a2',
  d: '\u0111\u03b4',
  e: '\u03b5',
  f: '\u03c6',
  h: '\u0127',
  i: '\u0131',
  l: '\u0142\u019a',
  o: '\u00f8\u0153',
  p: '\u03c0',
  s: '\u03c3',
  t: '\u0167\u03c4',
}

function build(): Map<number, number> {
  const map = new Map<number, number>()
  for (let point = 0xa0; point < 0xff5f; point++) {
    if (point === 0xaf || point === 0xb4 || point === 0xa8 || (point > 0x2200 && point < 0xff01)) continue
    const text = String.fromCharCode(point)
    const base = text.normalize('NFKD')
    const first = base.charCodeAt(0)
    const letters = base.length === 1 || (base.charCodeAt(1) >= 0x300 && base.charCodeAt(1) < 0x370)
    if (letters && first < 127 && first > 31) map.set(point, first)
  }
  for (const [ascii, points] of Object.entries(LOOKALIKES)) {
    for (const point of points) map.set(point.charCodeAt(0), ascii.charCodeAt(0))
  }
  return map
}

/** Code point to ASCII byte; a code point that is missing keeps its low byte. */
export const ASCII_MAP: ReadonlyMap<number, number> = build()
