import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Files of a certificate and its key, in a folder of their own, which whoever made them removes. */
export interface SelfSigned {
  folder: string
  certificate: string
  key: string
}

/** Is the `openssl` command installed? Says so once when it is not: the tests that need a certificate are skipped. */
export const opensslInstalled: boolean = (() => {
  const found = spawnSync('openssl', ['version']).status === 0
  if (!found) console.warn('openssl is not installed: the tests that need a certificate are skipped')
  return found
})()

/** Makes a self-signed certificate (P-256, valid for two days) for a host name. */
export function selfSigned(name: string): SelfSigned {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-certificate-'))
  const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const pair = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate]
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`]
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...pair, ...subject], { stdio: 'ignore' })
  return { folder, certificate, key }
}
