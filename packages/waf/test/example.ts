import waf from '@portcullis/waf'
import Fastify from 'fastify'

export const app = Fastify()
await app.register(waf, {
  crs: 'embedded', // or the folder of a Core Rule Set: '/usr/share/modsecurity-crs'
  rules: `SecRule &REQUEST_HEADERS:X-Tenant "@eq 0" "id:1000,phase:1,deny,status:400,msg:'No tenant'"`,
})
app.get('/search', () => ({ found: 1 }))
app.post('/render', { config: { extra_config: { 'security/waf': { exclude_rules: ['embedded/ssti'] } } } }, () => 'ok')
