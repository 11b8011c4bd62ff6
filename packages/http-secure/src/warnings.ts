import type { HttpSecureConfig } from './config.ts'

/**
 * What is allowed in a block but hardly meant, in words for the log at start.
 *
 * @param own the block itself: of what it does not state, its service's block has warned already.
 * @param effective the block with what it takes over from the service's.
 */
export function warnings(own: HttpSecureConfig, effective: HttpSecureConfig): string[] {
  const found: string[] = []
  if (own.hpkp_public_key) found.push('hpkp_public_key: browsers no longer read Public-Key-Pins; it protects nobody')
  if (/^allow-from/i.test(own.custom_frame_options_value ?? '')) {
    found.push('custom_frame_options_value: browsers ignore ALLOW-FROM; use frame-ancestors of content_security_policy')
  }
  if (own.ssl_redirect === true && !effective.ssl_host && !effective.allowed_hosts?.length) {
    found.push(
      'ssl_redirect: without ssl_host or allowed_hosts there is no safe target: plain HTTP is refused with 421',
    )
  }
  if (
    own.sts_preload === true &&
    (effective.sts_include_subdomains !== true || (effective.sts_seconds ?? 0) < 31536000)
  ) {
    found.push('sts_preload: preload lists want sts_include_subdomains and sts_seconds of at least 31536000')
  }
  return [...found, ...hostWarnings(own)]
}

function hostWarnings({ allowed_hosts: hosts = [], allowed_hosts_are_regex: areRegex }: HttpSecureConfig): string[] {
  if (areRegex === true) return []
  const known = new Set(hosts.map((host) => host.toLowerCase()))
  return hosts.flatMap((host) => {
    if (host.includes('*')) return [`allowed_hosts: "${host}" matches no host; wildcards need allowed_hosts_are_regex`]
    const plain = /^(.*):443$/.exec(host.toLowerCase())?.[1]
    if (plain === undefined || known.has(plain)) return []
    return [`allowed_hosts: browsers leave the port 443 out, so "${host}" needs "${plain}" beside it`]
  })
}
