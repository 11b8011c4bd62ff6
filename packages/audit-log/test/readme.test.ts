import { afterAll, describe, expect, it } from 'vitest'
import { testReadme } from '../../core/test/readme.ts'
import { auditLogSchema } from '../src/config.ts'
import { loggingSchema } from '../src/index.ts'
import { makeFolder, readLines } from './support.ts'

const folder = makeFolder()
process.env['AUDIT_LOG'] = folder.file('audit.log')
const { app } = await import('./example.ts')
delete process.env['AUDIT_LOG']
afterAll(async () => {
  await app.close()
  folder.remove()
})

describe('README', () => {
  const { redact, rotate, http, syslog } = auditLogSchema['properties'] as Record<string, typeof auditLogSchema>
  testReadme(import.meta.url, auditLogSchema, redact!, rotate!, http!, syslog!, loggingSchema)

  it('has an example that works', async () => {
    await app.inject('/ping')
    await app.inject('/notes?voucher=secret')
    await app.close()
    expect(readLines(folder.file('audit.log'))).toMatchObject([
      { request: { path: '/notes', query: 'voucher=[redacted]' }, summary: 'GET /notes by 127.0.0.1' },
    ])
  })
})
