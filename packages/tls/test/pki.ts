import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a certificate is to be. */
export interface CertificateOptions {
  names?: string[]
  /** `ec` (P-256) or bits of an RSA key. */
  key?: 'ec' | number
  /** Days from now; negative = expired. */
  days?: number
  digest?: 'sha256' | 'sha1'
  commonName?: string
  client?: boolean
}

/** A CA of a test's own, in a folder of its own. */
export class Pki {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'portcullis-pki-'))
  #serial = 0

  constructor() {
    this.#openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '30',
      '-subj',
      '/CN=Test CA',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
    )
  }

  get ca(): string {
    return this.path('ca.pem')
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Issues a certificate and writes `name.pem` and `name.key`. */
  issue(name: string, options: CertificateOptions = {}): { public_key: string; private_key: string } {
    const {
      names = [`${name}.test`],
      key = 'ec',
      days = 10,
      digest = 'sha256',
      commonName = name,
      client = false,
    } = options
    const keyArgs = key === 'ec' ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['-newkey', `rsa:${key}`]
    this.#openssl(
      'req',
      ...keyArgs,
      '-nodes',
      '-subj',
      `/O=Test/CN=${commonName}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    )
    const alternatives = names.map((one) => (/^[0-9.:]+$/.test(one) ? `IP:${one}` : `DNS:${one}`)).join(',')
    writeFileSync(
      this.path(`${name}.ext`),
      `subjectAltName=${alternatives}\nextendedKeyUsage=${client ? 'clientAuth' : 'serverAuth'}\n`,
    )
    const validity =
      days > 0 ? ['-days', String(days)] : ['-not_before', '20200101000000Z', '-not_after', '20200201000000Z']
    if (days > 0) {
      this.#openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-set_serial',
        String(++this.#serial),
        `-${digest}`,
        '-extfile',
        `${name}.ext`,
        ...validity,
        '-out',
        `${name}.pem`,
      )
    } else this.#expired(name)
    return { public_key: this.path(`${name}.pem`), private_key: this.path(`${name}.key`) }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** `openssl x509` takes no dates of the past before version 3.4; `openssl ca` does. */
  #expired(name: string): void {
    writeFileSync(this.path('index.txt'), '')
    writeFileSync(this.path('serial'), '1000\n')
    writeFileSync(
      this.path('ca.cnf'),
      '[ca]\ndefault_ca=d\n[d]\ndir=.\ndatabase=index.txt\nnew_certs_dir=.\nserial=serial\ncertificate=ca.pem\nprivate_key=ca.key\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\norganizationName=optional\ncommonName=supplied\n',
    )
    this.#openssl(
      'ca',
      '-batch',
      '-config',
      'ca.cnf',
      '-in',
      `${name}.csr`,
      '-extfile',
      `${name}.ext`,
      '-startdate',
      '20200101000000Z',
      '-enddate',
      '20200201000000Z',
      '-notext',
      '-out',
      `${name}.pem`,
    )
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.folder, stdio: 'pipe' })
  }
}
