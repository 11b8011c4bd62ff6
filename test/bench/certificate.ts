import { selfSigned } from '../../packages/core/test/self-signed.ts'

/** A self-signed certificate (P-256) in a temporary folder. */
export function makeCertificate(): { public_key: string; private_key: string } {
  const { certificate, key } = selfSigned('bench.test')
  return { public_key: certificate, private_key: key }
}
