import httpSecure from '@portcullis/http-secure'
import Fastify from 'fastify'

export const app = Fastify({ trustProxy: ['127.0.0.1'] })
await app.register(httpSecure, {
  allowed_hosts: ['api.example.com'],
  ssl_redirect: true,
  ssl_proxy_headers: { 'X-Forwarded-Proto': 'https' },
  sts_seconds: 31536000,
  frame_deny: true,
  content_type_nosniff: true,
  content_security_policy: "default-src 'self'",
})
app.get('/', () => 'welcome')
