import { afterAll, describe, expect, it } from 'vitest'
import { testReadme } from '../../core/test/readme.ts'
import { dashboardSchema, metricsSchema } from '../src/index.ts'
import { app } from './example.ts'

afterAll(() => app.close())

describe('README', () => {
  testReadme(import.meta.url, metricsSchema, dashboardSchema)

  it('has an example that works', async () => {
    await app.inject('/users/7')
    const { body } = await app.inject('/numbers')
    expect(body).toContain('portcullis_requests_total{route="/users/:id",method="GET",status="2xx"} 1\n')
  })
})
