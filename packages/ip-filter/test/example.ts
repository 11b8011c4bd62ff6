import ipFilter from '@portcullis/ip-filter'
import Fastify from 'fastify'

export const app = Fastify({ trustProxy: ['127.0.0.1'] })
await app.register(ipFilter, {
  allow: ['10.0.0.0/8', '2001:db8::/32'],
  deny: ['10.0.0.42'],
})
app.get('/', () => 'welcome')
app.get('/office', { config: { extra_config: { 'security/ip-filter': { allow: ['10.1.0.0/16'] } } } }, () => 'office')
