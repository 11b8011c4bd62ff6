import { execFile } from 'node:child_process'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const exec = promisify(execFile)

/** A certificate authority in a folder: what it issues lies there as `name.pem` and `name.key`. */
export class Authority {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** Makes the CA itself: `ca.pem`. */
  async create(): Promise<this> {
    await mkdir(this.folder, { recursive: true })
    const subject = ['-subj', '/CN=Example CA', '-days', '30']
    await this.#openssl('req', '-x509', ...NEW_KEY, ...subject, '-keyout', 'ca.key', '-out', 'ca.pem')
    return this
  }

  /**
   * Issues a certificate, in place of one of that name. Each file is replaced as a whole; between the two the pair
   * does not match for a moment, which a gateway that looks at them survives: it keeps the old pair until they do.
   */
  async issue(name: string, alternatives: readonly string[]): Promise<void> {
    await writeFile(join(this.folder, 'extensions'), `subjectAltName=${alternatives.join(',')}\n`)
    await this.#openssl('req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', 'new.key', '-out', 'new.csr')
    const ca = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'extensions', '-days', '10']
    await this.#openssl('x509', '-req', '-in', 'new.csr', ...ca, '-out', 'new.pem')
    for (const ending of ['key', 'pem']) await rename(this.path(`new.${ending}`), this.path(`${name}.${ending}`))
  }

  path(file: string): string {
    return join(this.folder, file)
  }

  async #openssl(...args: string[]): Promise<void> {
    await exec('openssl', args, { cwd: this.folder })
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
