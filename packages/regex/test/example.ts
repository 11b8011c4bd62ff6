import { compileRegex, RegexGroup, RegexSyntaxError } from '@portcullis/regex'

const union = compileRegex('(?i)union\\s+(all\\s+)?select')
console.log(union.test('1 UNION ALL SELECT 2'), union.exec('1 union select 2')?.index)
// true 2

const bots = ['(?i)crawl', '^curl/'].map((pattern, id) => ({ id, regex: compileRegex(pattern, { syntax: 're2' }) }))
console.log(new RegexGroup(bots).test('curl/8.5.0'))
// true

try {
  compileRegex('(?=a)', { syntax: 're2' })
} catch (error) {
  console.log(error instanceof RegexSyntaxError && error.message)
}
// look-around is not supported at offset 0
