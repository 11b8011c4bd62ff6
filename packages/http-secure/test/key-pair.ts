import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Files of a fresh self-signed pair for `localhost`, in a folder of their own. */
export interface TestKeyPair {
  folder: string
  certificate: string
  key: string
}

/** Makes a key pair with the `openssl` command; undefined where there is none. */
export function makeKeyPair(): TestKeyPair | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'http-secure-'))
  const certificate = join(folder, 'cert.pem')
  const key = join(folder, 'key.pem')
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  try {
    execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', certificate, '-days', '2', ...subject], {
      stdio: 'ignore',
    })
  } catch {
    console.warn('no openssl command here: the tests that need a key pair are skipped')
    return undefined
  }
  return { folder, certificate, key }
}
