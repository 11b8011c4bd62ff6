/** What an attribute's name says of its value. */
export type AttributeRisk = 'event' | 'url' | 'style' | 'indirect'

/** Elements that load, run or restyle something by their mere presence. */
export const ACTIVE_TAGS: ReadonlySet<string> = new Set(
  (
    'APPLET BASE COMMENT EMBED FRAME FRAMESET HANDLER IFRAME IMPORT ISINDEX LINK LISTENER META NOSCRIPT OBJECT SCRIPT STYLE VMLFRAME ' +
    'XML XSS'
  ).split(' '),
)

/** Attributes that hold an address, a style, the name of another attribute, or code. */
export const RISKY_ATTRIBUTES: ReadonlyMap<string, AttributeRisk> = new Map<string, AttributeRisk>([
  ...'ACTION BY BACKGROUND DYNSRC FORMACTION FOLDER FROM HANDLER HREF LOWSRC POSTER SRC TO VALUES XLINK:HREF'
    .split(' ')
    .map((name): [string, AttributeRisk] => [name, 'url']),
  ['DATAFORMATAS', 'event'],
  ['DATASRC', 'event'],
  ['FILTER', 'style'],
  ['STYLE', 'style'],
  ['ATTRIBUTENAME', 'indirect'],
])
