#!/usr/bin/env bash
# Shows the protocols and cipher suites that a TLS server takes: one line each, the server's favourite first.
# It offers everything, notes what the server chose, and offers the rest again until the server refuses.
#
#   scan.sh localhost:8443 ca.pem
set -euo pipefail
server=$1
ca=$2

# Prints the suite that is chosen, nothing when there is no handshake.
handshake() {
  openssl s_client -connect "$server" -servername "${server%:*}" -CAfile "$ca" -verify_return_error "$@" </dev/null 2>/dev/null |
    sed -n 's/^New, .*, Cipher is \([A-Z].*\)$/\1/p'
}

# $1 protocol, $2 its option, $3 the option that lists suites, $4 what is appended to the list, rest: suites
scan() {
  local protocol=$1 option=$2 list=$3 level=$4 chosen rest
  shift 4
  while [ $# -gt 0 ]; do
    chosen=$(handshake "$option" "$list" "$(IFS=:; echo "$*")$level" || true)
    [ -n "$chosen" ] || break
    echo "$protocol $chosen"
    rest=()
    for suite in "$@"; do [ "$suite" = "$chosen" ] || rest+=("$suite"); done
    set -- ${rest[@]+"${rest[@]}"}
  done
}

old=$(openssl ciphers 'ALL:COMPLEMENTOFALL:@SECLEVEL=0' | tr : '\n' | grep -v '^TLS_')
# Names hold no spaces or wildcards: they are split on purpose.
# shellcheck disable=SC2086
for version in 1 1_1 1_2; do scan "TLSv${version/_/.}" "-tls$version" -cipher :@SECLEVEL=0 $old; done
scan TLSv1.3 -tls1_3 -ciphersuites '' \
  TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256 TLS_AES_128_CCM_SHA256 TLS_AES_128_CCM_8_SHA256
