import requestLimits, { serverLimits } from '@portcullis/request-limits'
import Fastify from 'fastify'

const service = { max_body: '64K', max_connections_per_ip: 50 }
const upload = { max_body: '10M', request_timeout: '5m' }
export const app = Fastify(serverLimits(service, [upload]))
await app.register(requestLimits, service)
app.post('/notes', () => 'noted')
app.post('/uploads', { config: { extra_config: { 'security/request-limits': upload } } }, () => 'stored')
