import auditLog from '@portcullis/audit-log'
import Fastify from 'fastify'

export const app = Fastify()
await app.register(auditLog, {
  path: process.env.AUDIT_LOG ?? '/var/log/gateway/audit.log',
  rotate: { size: '100M', interval: '1d', keep: 14 },
  custom_fields: { user: 'claims.sub', summary: '${request.method} ${request.path} by ${client.ip}' },
  redact: { query: ['voucher'], body: ['birthday'] },
  skip_paths: ['/ping'],
})
app.get('/ping', () => 'pong')
app.get('/notes', () => ['one', 'two'])
