import { FUNCTION_WORDS } from './sql-functions.ts'
import type { SqlType } from './sql-token.ts'

/** The words and phrases of the SQL dialects by class, functions aside; a bar separates them. */
const WORDS: ReadonlyArray<readonly [SqlType, string]> = [
  ['&', 'AND|OR|XOR|&&|||'],
  ['A', 'COLLATE'],
  ['f', 'PROCEDURE ANALYSE|IF EXISTS|IF NOT|IF NOT EXISTS|NOT EXISTS'],
  [
    'U',
    'UNION|UNION ALL|UNION DISTINCT|UNION ALL DISTINCT|UNION DISTINCT ALL|INTERSECT|INTERSECT ALL|EXCEPT|EXCEPT ALL|MINUS',
  ],
  ['B', 'GROUP BY|ORDER BY|HAVING|LIMIT|OWN3D BY'],
  [
    'E',
    'SELECT|SELECT ALL|SELECT DISTINCT|SELECT TOP|CALL|INSERT|UPDATE|SET|CASE|CREATE|REPLACE INTO|RAISEERROR|WAITFOR DELAY|WAITFOR TIME|' +
      'EXECUTE IMMEDIATE|DECLARE CURSOR',
  ],
  [
    'T',
    'ALTER|BEGIN|BEGIN DECLARE|BEGIN GOTO|BEGIN TRY|BEGIN TRY DECLARE|TRY|CREATE OR REPLACE|DECLARE|DELETE|DROP|EXEC|EXECUTE|GOTO|HANDLER|' +
      'INSERT INTO|INSERT IGNORE|PRINT|SHUTDOWN|GO|USE|WHILE|LOAD DATA|LOAD XML|MERGE|TRUNCATE TABLE|RESTORE|BACKUP',
  ],
  [
    'o',
    'BETWEEN|NOT BETWEEN|DIV|MOD|EQV|ILIKE|NOT ILIKE|IS|IS NOT|LIKE|NOT LIKE|NOT|NOTNULL|REGEXP|NOT REGEXP|RLIKE|NOT RLIKE|' +
      'SIMILAR TO|NOT SIMILAR TO|SIMILAR|NOT SIMILAR|SOUNDS LIKE|GLOB|IMP|IS DISTINCT FROM|IS NOT DISTINCT FROM|MEMBER OF',
  ],
  ['1', 'TRUE|FALSE|BINARY_DOUBLE_INFINITY|BINARY_DOUBLE_NAN|BINARY_FLOAT_INFINITY|BINARY_FLOAT_NAN'],
  [
    'v',
    'NULL|CURRENT_DATE|CURRENT_TIME|CURRENT_TIMESTAMP|CURRENT_USER|SESSION_USER|LOCALTIME|LOCALTIMESTAMP|SYSTEM_USER|' +
      'CURRENT DATE|CURRENT DEGREE|CURRENT FUNCTION|CURRENT PATH|CURRENT SCHEMA|CURRENT SERVER|CURRENT TIME|CURRENT TIMESTAMP|' +
      'CURRENT TIMEZONE|CURRENT USER|UNKNOWN|ROWNUM|ROWID|SYSDATE|SYSTIMESTAMP',
  ],
  [
    't',
    'BIGINT|BIGSERIAL|BINARY|BIT|BOOL|BOOLEAN|BYTEA|CHARACTER|CHARACTER VARYING|CIDR|DATETIME|DECIMAL|DOUBLE|DOUBLE PRECISION|FLOAT|' +
      'FLOAT4|FLOAT8|INET|INT|INT1|INT2|INT3|INT4|INT8|INTEGER|MACADDR|MEDIUMINT|MONEY|NCHAR|NUMERIC|NVARCHAR|REAL|SERIAL|' +
      'SMALLDATETIME|SMALLINT|SMALLMONEY|SQL_VARIANT|TEXT|NTEXT|TIMESTAMP|TIMESTAMPTZ|TIMETZ|TINYINT|TSQUERY|TSVECTOR|UNIQUEIDENTIFIER|' +
      'VARBINARY|VARBIT|VARCHAR|VARCHAR2|NVARCHAR2|VARCHARACTER|VARIANT|CLOB|NCLOB|BFILE|REGCLASS|REGPROC|REGTYPE|OID|ANYARRAY|ANYELEMENT|' +
      'ANYENUM|ANYNONARRAY|CSTRING|LANGUAGE_HANDLER|VOID|UNSIGNED INTEGER',
  ],
  [
    'k',
    'ABORT|ACCESSIBLE|ADD|AGAINST|ALL_USERS|ALTER DOMAIN|ALTER TABLE|ANALYZE|AS|ASC|ASENSITIVE|AT TIME ZONE|AUTOINCREMENT|' +
      'BEFORE|BLOB|CASCADE|CHANGE|COLUMN|CONDITION|CONSTRAINT|CONTINUE|CROSS JOIN|CURSOR|DATABASES|DAY_HOUR|DAY_MICROSECOND|DAY_MINUTE|' +
      'DAY_SECOND|DEC|DEFAULT|DELAY|DELAYED|DESC|DESCRIBE|DETERMINISTIC|DISTINCT|DISTINCTROW|EACH|ELSE|ELSEIF|ENCLOSED|ESCAPE|' +
      'ESCAPED|EXIT|EXPLAIN|FETCH|FOR UPDATE|FORCE|FOREIGN|FROM|FULL JOIN|FULL OUTER JOIN|FULLTEXT|GRANT|HIGH_PRIORITY|HOUR_MICROSECOND|' +
      'HOUR_MINUTE|HOUR_SECOND|IDENTIFIED|IGNORE|IN|IN BOOLEAN MODE|INDEX|INFILE|INNER|INNER JOIN|INOUT|INSENSITIVE|INTERVAL|INTO|' +
      'INTO DUMPFILE|INTO OUTFILE|ITERATE|JOIN|KEY|KEYS|KILL|LEADING|LEAVE|LEFT JOIN|LEFT OUTER JOIN|LINEAR|LINES|LOAD|LOCK IN SHARE MODE|' +
      'LONGBLOB|LONGTEXT|LOW_PRIORITY|MASTER_BIND|MASTER_SSL_VERIFY_SERVER_CERT|MATCH|MEDIUMBLOB|MEDIUMTEXT|MIDDLEINT|' +
      'MINUTE_MICROSECOND|MINUTE_SECOND|MODIFIES|NATURAL JOIN|NATURAL LEFT JOIN|NATURAL RIGHT JOIN|NOT IN|NO_WRITE_TO_BINLOG|OPTIMIZE|' +
      'OPTION|OPTIONALLY|OUTER JOIN|OUTFILE|PARTITION|PARTITION BY|PRECISION|PRIMARY|PRIMARY KEY|PROCEDURE|PURGE|RANGE|READ|READS|' +
      'READ_WRITE|REFERENCES|RELEASE|RENAME|REPEAT|REQUIRE|RESIGNAL|RESTRICT|RETURN|REVOKE|RIGHT JOIN|RIGHT OUTER JOIN|SCHEMA|SCHEMAS|' +
      'SECOND_MICROSECOND|SENSITIVE|SEPARATOR|SHOW|SIGNAL|SPATIAL|SPECIFIC|SQL|SQLEXCEPTION|SQLSTATE|SQLWARNING|SQL_BIG_RESULT|' +
      'SQL_CALC_FOUND_ROWS|SQL_SMALL_RESULT|SSL|STARTING|STRAIGHT_JOIN|TERMINATED|THEN|TINYBLOB|TINYTEXT|TOP|TRIGGER|UNDO|UNLOCK|UNSIGNED|' +
      'USAGE|VALUES|VARYING|WHEN|WHERE|WITH ROLLUP|YEAR_MONTH|ZEROFILL|OVERLAPS|OUT|WRITE|ROWS|VACUUM|PRAGMA',
  ],
  [
    'n',
    'BY|CREATE OR|CROSS|FULL|FULL OUTER|GROUP|IN BOOLEAN|LEFT OUTER|RIGHT OUTER|LOCK|LOCK IN|LOCK IN SHARE|NATURAL|NATURAL LEFT|' +
      'NATURAL RIGHT|AT TIME|IS DISTINCT|IS NOT DISTINCT|NOT SOUNDS|ORDER|OUTER|WAITFOR',
  ],
]

/** Character sets that introduce a string in MySQL, such as `_latin1'x'`. */
const CHARACTER_SETS =
  'ARMSCII8 ASCII BIG5 BINARY CP1250 CP1251 CP1256 CP1257 CP850 CP852 CP866 CP932 DEC8 EUCJPMS EUCKR GB2312 GBK GEOSTD8 GREEK HEBREW HP8 ' +
  'KEYBCS2 KOI8R KOI8U LATIN1 LATIN2 LATIN5 LATIN7 MACCE MACROMAN SJIS SWE7 TIS620 UCS2 UJIS UTF8 UTF8MB4 UTF16 UTF16LE UTF32'

/** Operators of two characters. */
export const PAIR_OPERATORS: ReadonlyMap<string, SqlType> = new Map<string, SqlType>([
  ...'!! != !< !> %= &= *= += -= /= :: := << <= <> <@ == >= >> @> ^= |/ |= ~*'
    .split(' ')
    .map((pair): [string, SqlType] => [pair, 'o']),
  ['&&', '&'],
  ['||', '&'],
])

function buildWords(): Map<string, SqlType> {
  const words = new Map<string, SqlType>()
  for (const name of FUNCTION_WORDS.split(/\s+/)) words.set(name, 'f')
  for (const [type, list] of WORDS) for (const word of list.split('|')) words.set(word, type)
  for (const name of CHARACTER_SETS.split(' ')) words.set('_' + name, 't')
  return words
}

const KNOWN = buildWords()

/** Bits in a sketch of words. */
const SKETCH_SIZE = 1 << 16

/** Where a word lies in a sketch: by its length, its first two letters and its last one, whatever their case. */
function place(length: number, first: number, second: number, last: number): number {
  const key = (length << 15) | ((first & 31) << 10) | ((second & 31) << 5) | (last & 31)
  return Math.imul(key, 0x9e3779b1) >>> 16
}

/** A bit for each place where one of some words lies: most other words are told apart without being looked up. */
function sketchOf(words: Iterable<string>): Uint32Array {
  const sketch = new Uint32Array(SKETCH_SIZE >> 5)
  for (const word of words) {
    const bit = place(word.length, word.charCodeAt(0), word.charCodeAt(1), word.charCodeAt(word.length - 1))
    sketch[bit >> 5]! |= 1 << (bit & 31)
  }
  return sketch
}

function isIn(sketch: Uint32Array, bit: number): boolean {
  return ((sketch[bit >> 5]! >>> (bit & 31)) & 1) === 1
}

const SKETCH = sketchOf(KNOWN.keys())

/** The class of a word or phrase, whatever its case; a bare word where it is unknown. */
export function wordType(word: string): SqlType {
  const { length } = word
  if (!isIn(SKETCH, place(length, word.charCodeAt(0), word.charCodeAt(1), word.charCodeAt(length - 1)))) return 'n'
  return KNOWN.get(word.toUpperCase()) ?? 'n'
}

/** The class of two words that are a known phrase together, both of them being at least one letter long. */
export function phraseType(first: string, second: string): SqlType | undefined {
  const length = first.length + 1 + second.length
  const next = first.length > 1 ? first.charCodeAt(1) : 32
  if (!isIn(SKETCH, place(length, first.charCodeAt(0), next, second.charCodeAt(second.length - 1)))) return undefined
  return KNOWN.get(`${first} ${second}`.toUpperCase())
}

/** The words that are more than names, alone or as the first one of a phrase. */
const NOTABLE: ReadonlySet<string> = new Set(
  [...KNOWN].filter(([word, type]) => type !== 'n' || word.includes(' ')).map(([word]) => word.split(' ')[0]!),
)
const NOTABLE_SKETCH = sketchOf(NOTABLE)
const LONGEST = Math.max(...[...NOTABLE].map(({ length }) => length))

/** Says whether the word `value[start, end)`, of at least one letter, is more than a name, alone or as the first one of a phrase. */
export function isNotable(value: string, start: number, end: number): boolean {
  const length = end - start
  if (length > LONGEST) return false
  const second = length > 1 ? value.charCodeAt(start + 1) : Number.NaN
  const bit = place(length, value.charCodeAt(start), second, value.charCodeAt(end - 1))
  return isIn(NOTABLE_SKETCH, bit) && NOTABLE.has(value.slice(start, end).toUpperCase())
}
