/** What ModSecurity and Coraza document: it works here, or the error says why it does not. */
import { describe, expect, test } from 'vitest'
import { loadRules, SecLangError } from '../../src/index.ts'
import { fired, ids, rulesOf, run } from '../engine/run.ts'

function mistake(text: string): string {
  try {
    loadRules({ text })
  } catch (error) {
    if (error instanceof SecLangError) return error.mistakes.map(({ message }) => message).join('\n')
    throw error
  }
  return ''
}

describe('refused, with the reason', () => {
  test.each([
    ['SecRuleScript /etc/x.lua', /Lua is not run/],
    ['SecRemoteRules key https://rules.example.com/x', /not fetched over the network/],
    ['SecRemoteRulesFailAction Warn', /not fetched over the network/],
    ['SecHttpBlKey abcdefghijkl', /no DNS lookups/],
    ['SecGsbLookupDb /x', /Safe Browsing/],
    ['SecGuardianLog "|/usr/bin/x"', /no program is run/],
    ['SecChrootDir /x', /how the process is started/],
    ['SecConnEngine On', /only Off is possible: connections are limited by security\/request-limits/],
    ['SecConnReadStateLimit 10', /max_connections_per_ip/],
    ['SecConnWriteStateLimit 10', /max_connections_per_ip/],
    ['SecReadStateLimit 10', /max_connections_per_ip/],
    ['SecContentInjection On', /do not change responses/],
    ['SecCookieFormat 1', /version 1/],
    ['SecCookieV0Separator ,', /only ; is possible/],
    ['SecHashEngine On', /hash enforcement/],
    ['SecInterceptOnError On', /MSC_PCRE_LIMITS_EXCEEDED/],
    ['SecRuleInheritance Off', /exclude_rules/],
    ['SecTmpSaveUploadedFiles On', /FILES_TMP_CONTENT/],
    ['SecUploadKeepFiles RelevantOnly', /uploads are not kept/],
    ['SecXmlExternalEntity On', /no external entity/],
    ['SecArgumentSeparator ";;"', /one character/],
    ['SecDataset words `a`', /Coraza.*@pmFromFile/],
    ['SecIgnoreRuleCompilationErrors On', /are mistakes/],
    ...[
      ['@fuzzyHash /x 3', /fuzzy hashes/],
      ['@inspectFile /x', /running programs/],
      ['@rsub s/a/b/', /changing bodies/],
      ['@validateHash x', /hash enforcement/],
      ['@gsbLookup x', /Safe Browsing/],
      ['@rbl zen.example.org', /no DNS lookups/],
      ['@geoLookup', /SecGeoLookupDb/],
      ['@restpath /a/{b}', /Coraza.*@rx/],
      ['@pmFromDataset x', /Coraza.*@pmFromFile/],
      ['@ipMatchFromDataset x', /Coraza.*@ipMatchFromFile/],
      ['@pmFromFile https://rules.example.com/x', /not fetched over the network/],
    ].map(([operator, reason]) => [`SecRule REMOTE_ADDR "${operator}" "id:1"`, reason] as [string, RegExp]),
    ['SecRule XML "@validateSchema /x.xsd" "id:1"', /not validated against schemas/],
    ['SecRule XML:/* "@validateDTD /x.dtd" "id:1"', /never validated against a DTD/],
    ['SecRule XML:/a/b/text() "@rx x" "id:1,xmlns:a=b"', /SecParseXmlIntoArgs/],
    ...[
      ['GEO:COUNTRY_CODE', /SecGeoLookupDb/],
      ['PERF_ALL', /not measured/],
      ['SCRIPT_FILENAME', /Apache/],
      ['WEBSERVER_ERROR_LOG', /Apache/],
      ['FILES_TMPNAMES', /FILES_TMP_CONTENT/],
      ['ARGS_PATH', /Coraza/],
      ['JSON', /Coraza.*ARGS/],
      ['RESPONSE_ARGS', /RESPONSE_BODY/],
      ['RES_BODY_ERROR', /RESPONSE_BODY/],
      ['REQUEST_XML', /use XML/],
    ].map(([name, reason]) => [`SecRule ${name} "@rx x" "id:1"`, reason] as [string, RegExp]),
    ...[
      ['exec:/x.lua', /running programs/],
      ['proxy:http://b', /routes of the gateway/],
      ['append:x', /do not change responses/],
      ['prepend:x', /do not change responses/],
      ['pause:1000', /rate limits/],
      ['ctl:hashEnforcement=On', /hash enforcement/],
      ['ctl:responseBodyProcessor=JSON', /Coraza/],
    ].map(([action, reason]) => [`SecAction "id:1,phase:1,${action}"`, reason] as [string, RegExp]),
    ['SecAction "id:1,ctl:requestBodyProcessor=RAW"', /expected URLENCODED, JSON, MULTIPART, XML/],
  ] as [string, RegExp][])('%s', (text, reason) => {
    expect(mistake(text)).toMatch(reason)
    expect(mistake(text)).not.toMatch(/^unknown (?:directive|operator|variable|action)/)
  })

  test('in the order of the files and lines, whatever found them', () => {
    const text = [
      { name: 'a', text: 'SecRule ARGS "@rx (" "id:1"\nSecFoo\nSecRule ARGS "@rx [" "id:2"' },
      { name: 'b', text: 'SecBar' },
    ]
    const found = (): unknown => loadRules({ text })
    expect(found).toThrow(/^a:1: .*\na:2: .*\na:3: .*\nb:1: /)
  })
})

describe('accepted', () => {
  test('where nothing is lost, and told where something is', () => {
    const text = `SecPcreMatchLimit 1000
      SecTmpDir /tmp/
      SecAuditLog /var/log/modsec_audit.log
      SecDebugLogLevel 3
      SecCookieFormat 0
      SecUploadKeepFiles Off
      SecXmlExternalEntity Off
      SecHashEngine Off`
    const { ignored } = loadRules({ text }).config
    expect(ignored.map(({ name, line }) => `${name} ${line}`)).toEqual(['SecAuditLog 3', 'SecDebugLogLevel 4'])
  })

  test('services that the Core Rule Set has switched off', () => {
    const text = `SecRule TX:X "!@rx ^$" "id:1,phase:2,block,tag:'OWASP_CRS',chain"
      SecRule REMOTE_ADDR "@geoLookup" "chain"
      SecRule GEO:COUNTRY_CODE "@within XX"
      SecRule REMOTE_ADDR "@rbl dnsbl.httpbl.org" "id:2,phase:2,pass,tag:'OWASP_CRS'"`
    expect(ids(text)).toEqual([])
  })
})

describe('works', () => {
  test('another separator of arguments', () => {
    const rules = rulesOf('SecArgumentSeparator ";"\nSecRule ARGS:b "@streq 2" "id:1,phase:2,pass"')
    expect(fired(run(rules, { uri: '/?a=1;b=2' }))).toEqual([1])
    expect(fired(run(rules, { uri: '/?a=1&b=2' }))).toEqual([])
    const form = { headers: ['Content-Type', 'application/x-www-form-urlencoded'], body: 'a=1;b=2' }
    expect(fired(run(rules, form))).toEqual([1])
  })

  test('variables separated by commas', () => {
    const text = 'SecRule ARGS,!ARGS:a,REQUEST_HEADERS:X-A "@streq x" "id:1,phase:1,pass"'
    expect(ids(text, { uri: '/?b=x' })).toEqual([1])
    expect(ids(text, { uri: '/?a=x' })).toEqual([])
    expect(ids(text, { headers: ['X-A', 'x'] })).toEqual([1])
  })

  test('a target in the place of another', () => {
    const rule = 'SecRule ARGS:a|REQUEST_URI "@contains x" "id:1,phase:1,pass"'
    const update = `${rule}\nSecRuleUpdateTargetById 1 "ARGS:b" "ARGS:a"`
    expect([ids(update, { uri: '/?a=1&b=x' }), ids(update, { uri: '/?a=1&b=y' })]).toEqual([[1], []])
    // What the rule has not got stands for nothing.
    expect(ids(`${rule}\nSecRuleUpdateTargetById 1 "ARGS:b" "ARGS:c"`, { uri: '/?b=1' })).toEqual([])
  })

  describe('XML elements as arguments', () => {
    const body = '<o id="x9"><item>one</item>mixed<item><![CDATA[two]]></item><empty/></o>'
    const go = (directive: string, control = ''): string[] => {
      const text = `${directive}
        SecAction "id:1,phase:1,nolog,pass,ctl:requestBodyProcessor=XML${control}"
        SecRule ARGS|XML:/*|XML://@* "@unconditionalMatch" "id:2,phase:2,pass,nolog,setvar:'tx.all=%{TX.all} %{MATCHED_VAR_NAME}=%{MATCHED_VAR}'"
        SecAction "id:3,phase:2,log,pass,msg:'%{TX.all}'"`
      return run(rulesOf(text), { body }).matches[0]!.message.trim().split(' ')
    }
    const elements = ['ARGS:xml.o.item=one', 'ARGS:xml.o.item=two', 'ARGS:xml.o.empty=', 'ARGS:xml.o=mixed']

    test('beside XML, or instead of its text', () => {
      expect(go('')).toEqual(['XML:/*=onemixedtwo', 'XML://@*=x9'])
      expect(go('SecParseXmlIntoArgs On')).toEqual([...elements, 'XML:/*=onemixedtwo', 'XML://@*=x9'])
      expect(go('SecParseXmlIntoArgs OnlyArgs')).toEqual([...elements, 'XML:/*=', 'XML://@*=x9'])
      expect(go('', ',ctl:parseXmlIntoArgs=OnlyArgs')).toEqual([...elements, 'XML:/*=', 'XML://@*=x9'])
      expect(go('SecParseXmlIntoArgs On', ',ctl:parseXmlIntoArgs=Off')).toEqual(['XML:/*=onemixedtwo', 'XML://@*=x9'])
    })

    test('are bounded in number and in the length of their names', () => {
      const text = `SecParseXmlIntoArgs On
        SecArgumentsLimit 3
        SecAction "id:1,phase:1,nolog,pass,ctl:requestBodyProcessor=XML"
        SecRule REQBODY_ERROR_MSG "@rx (.+)" "id:2,phase:2,pass,capture,msg:'%{TX.1}'"`
      const errorOf = (xml: string): string | undefined => run(rulesOf(text), { body: xml }).matches[0]?.message
      expect(errorOf('<a><b/><b/><b/></a>')).toBeUndefined()
      expect(errorOf('<a><b/><b/><b/><b/></a>')).toBe('too many arguments')
      const name = 'n'.repeat(100)
      expect(errorOf(`<${name}>`.repeat(50) + `</${name}>`.repeat(50))).toMatch(/too long/)
    })
  })
})
