/** Says whether a fingerprint is one of an injection. */
export function isInjection(fingerprint: string): boolean {
  return fingerprint.length > 1
}
