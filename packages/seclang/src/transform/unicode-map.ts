/** The ASCII byte that stands for a Unicode code point in code page 20127, ModSecurity's usual SecUnicodeMapFile setting. */

/** Code points that have no decomposition but look like, or are used for, an ASCII sign. */
const LOOKALIKES: Record<string, string> = {
  ' ': '\u2000\u2001\u2002\u2003\u2004\u2005\u2006',
  '!': '\u00a1\u01c3',
  '"': '\u02ba\u030e\u201c\u201d\u201e',
  $: '\u00a4',
  "'": '\u02b9\u02bc\u02c8\u0301\u2018\u2019\u2032',
  ',': '\u00b8\u0327\u201a',
  '-': '\u00ad\u2010\u2011\u2013\u2014',
  '.': '\u00b7\u2022\u2026',
  '<': '\u00ab\u2039',
  '>': '\u00bb\u203a',
  '^': '\u02c4\u02c6\u0302',
  _: '\u02cd\u0331\u0332',
  '`': '\u02cb\u0300\u2035',
  '|': '\u00a6\u01c0',
  '~': '\u02dc\u0303',
  A: '\u00c6',
  C: '\u00a9',
  D: '\u00d0\u0110\u0189',
  H: '\u0126',
  L: '\u0141',
  O: '\u00d8\u0152',
  R: '\u00ae',
  T: '\u0166\u2122',
  Y: '\u00a5',
  a: '\u00e6',
  b: '\u0180',
  c: '\u00a2',
  d: '\u0111',
  h: '\u0127',
  i: '\u0131',
  l: '\u0142\u019a',
  o: '\u00f8\u0153',
  t: '\u0167',
}

function build(): Map<number, number> {
  const map = new Map<number, number>()
  for (let point = 0xa0; point < 0xff5f; point++) {
    if (point === 0xaf || point === 0xb4 || point === 0xa8 || (point > 0x2122 && point < 0xff01)) continue
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
