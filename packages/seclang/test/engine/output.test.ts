import { expect, test } from 'vitest'
import { auditEntry, explain, wantsAuditEntry } from '../../src/index.ts'
import { rulesOf, run } from './run.ts'

const rules = rulesOf(`SecAuditLogParts ABFHZ
  SecComponentSignature "mine/1"
  SecAction "id:1,phase:1,nolog,pass,sanitiseArg:password,sanitiseRequestHeader:Authorization"
  SecRule ARGS:a "@rx x" "id:2,pass,capture,msg:'found',logdata:'%{TX.0} in %{MATCHED_VAR_NAME}',severity:CRITICAL,tag:t1,ver:v1"`)

test('audit entries have the parts asked for and mask what rules named', () => {
  const tx = run(rules, { uri: '/?a=x&password=se%63ret', headers: ['Host', 'h', 'Authorization', 'Bearer t'] })
  tx.responseHeaders(200, ['Content-Type', 'text/plain'])
  const { transaction } = auditEntry(tx)
  expect(transaction.request.headers).toEqual({ Host: 'h', Authorization: '********' })
  expect(transaction.request.body).toBeUndefined()
  expect(transaction.response).toEqual({ http_code: 200, headers: { 'Content-Type': 'text/plain' } })
  expect(transaction.producer).toMatchObject({ components: ['mine/1'], secrules_engine: 'Enabled' })
  expect(transaction.messages).toMatchObject([
    { message: 'found', details: { ruleId: '2', data: 'x in ARGS:a', severity: '2' } },
  ])
  expect(transaction.request.uri).not.toContain('se%63ret')
  expect(auditEntry(tx, 'A').transaction.messages).toBeUndefined()
})

test('an entry is wanted for findings and relevant statuses', () => {
  const quiet = run(rules, { uri: '/' })
  expect(wantsAuditEntry(quiet)).toBe(false)
  quiet.responseHeaders(500, [])
  expect(wantsAuditEntry(quiet)).toBe(true)
  expect(wantsAuditEntry(run(rules, { uri: '/?a=x' }))).toBe(true)
})

test('explanations escape what is not printable', () => {
  const tx = run(rules, { uri: '/?a=x%00%ff' })
  expect(explain(tx).map((e) => e.text)).toEqual(['2 phase 2: found — ARGS:a matched "x\\x00\\xff"'])
})
