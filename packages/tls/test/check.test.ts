import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkClientTls } from '../src/check.ts'
import { checkTls } from '../src/index.ts'
import { Pki } from './pki.ts'

let pki: Pki
beforeAll(() => {
  pki = new Pki()
  pki.issue('good')
  pki.issue('other')
  pki.issue('expired', { days: -1 })
  pki.issue('weak', { key: 1024 })
  pki.issue('sha1', { digest: 'sha1' })
  writeFileSync(pki.path('garbage.pem'), 'garbage')
  writeFileSync(pki.path('short.key'), 'x'.repeat(32))
  copyFileSync(pki.path('good.key'), pki.path('mismatched.key'))
})
afterAll(() => pki.remove())

const pair = (name: string, key = name) => ({ keys: [{ public_key: `${name}.pem`, private_key: `${key}.key` }] })

it.each<[string, Record<string, unknown>, RegExp | undefined]>([
  ['a good pair', pair('good'), undefined],
  ['a disabled block', { disabled: true }, undefined],
  ['no pair', {}, /needs a key pair/],
  ['half a pair', { ...pair('good'), public_key: 'good.pem' }, /go together/],
  ['a missing file', pair('nowhere'), /there is no file nowhere\.pem/],
  ['no certificate', pair('garbage', 'good'), /\.keys\[0\]\.public_key: holds no PEM certificate/],
  ['no key', pair('good', 'short'), /holds no PEM private key/],
  [
    'a key of another certificate',
    pair('other', 'good'),
    /\.keys\[0\]\.private_key: does not belong to the first certificate of other\.pem/,
  ],
  ['an expired certificate', pair('expired'), /CN=expired expired on Feb/],
  ['a short RSA key', pair('weak'), /RSA key of 1024 bits: at least 2048/],
  ['a SHA-1 signature', pair('sha1'), /signed with SHA-1, which is broken/],
  [
    'an unknown suite',
    { ...pair('good'), cipher_suites: ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA25', 5] },
    /cipher_suites\[0\]: .*did you mean "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"[\s\S]*cipher_suites\[1\]: 5 is not a suite/,
  ],
  [
    'an unknown curve',
    { ...pair('good'), curve_preferences: ['P-999'] },
    /curve_preferences\[0\]: "P-999" is not a curve/,
  ],
  [
    'versions the wrong way round',
    { ...pair('good'), min_version: 'TLS13', max_version: 'TLS12' },
    /newer than max_version/,
  ],
  ['mTLS without CAs', { ...pair('good'), enable_mtls: true }, /enable_mtls needs the CAs/],
  ['a CA that is none', { ...pair('good'), ca_certs: ['garbage.pem'] }, /ca_certs\[0\]: holds no PEM certificate/],
  [
    'ticket keys of the wrong length',
    { ...pair('good'), ticket_keys_file: 'short.key' },
    /has 32 bytes: 48 are needed/,
  ],
])('%s', (_name, config, message) => {
  const text = checkTls(config, pki.folder)
    .map((issue) => `${issue.place}: ${issue.message}`)
    .join('\n')
  if (message === undefined) expect(text).toBe('')
  else expect(text).toMatch(message)
})

it('checks client_tls alike', () => {
  expect(readFileSync(pki.ca, 'utf8')).toContain('CERTIFICATE')
  const issues = checkClientTls(
    {
      ca_certs: ['nowhere.pem'],
      disable_system_ca_pool: true,
      client_certs: [{ certificate: 'other.pem', private_key: 'good.key' }],
    },
    pki.folder,
  )
  expect(issues.map(({ place }) => place)).toEqual(['.ca_certs[0]', '.client_certs[0].private_key'])
  expect(checkClientTls({ disable_system_ca_pool: true }, pki.folder)[0]!.message).toMatch(
    /no backend could be verified/,
  )
})
