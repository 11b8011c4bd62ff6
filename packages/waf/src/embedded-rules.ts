/** `"crs": "embedded"`: a small rule set of our own, for a start without any files. */

/**
 * Each finding adds to a score, as in the Core Rule Set, and the last rule of the phase refuses at the threshold. The
 * TX variables have the Core Rule Set's names, so that `paranoia_level` and the thresholds mean the same. Level 1 holds
 * what hardly ever meets a benign request; level 2 adds signs that texts of humans may show.
 */
export const EMBEDDED_RULES: string = String.raw`
SecComponentSignature "PORTCULLIS_EMBEDDED/1"
SecAction "id:160000,phase:1,pass,nolog,t:none,setvar:tx.embedded_score=0,setvar:tx.embedded_outbound_score=0"
SecRule &TX:blocking_paranoia_level "@eq 0" "id:160001,phase:1,pass,nolog,t:none,setvar:tx.blocking_paranoia_level=1"
SecRule &TX:inbound_anomaly_score_threshold "@eq 0" "id:160002,phase:1,pass,nolog,t:none,setvar:tx.inbound_anomaly_score_threshold=5"
SecRule &TX:outbound_anomaly_score_threshold "@eq 0" "id:160003,phase:1,pass,nolog,t:none,setvar:tx.outbound_anomaly_score_threshold=4"
SecRule &TX:allowed_methods "@eq 0" "id:160004,phase:1,pass,nolog,t:none,setvar:'tx.allowed_methods=GET HEAD POST PUT PATCH DELETE OPTIONS'"

# The request as such
SecRule REQUEST_METHOD "!@within %{tx.allowed_methods}" \
  "id:160100,phase:1,pass,log,t:none,msg:'Method is not allowed',tag:'embedded/protocol',severity:2,setvar:tx.embedded_score=+5"
SecRule REQUEST_HEADERS_NAMES|REQUEST_HEADERS "@rx [\x00\r\n]" \
  "id:160101,phase:1,pass,log,t:none,msg:'Control character in a header',tag:'embedded/protocol',severity:2,setvar:tx.embedded_score=+5"
SecRule REQUEST_URI_RAW|ARGS_GET "@rx \x00" \
  "id:160102,phase:2,pass,log,t:none,t:urlDecodeUni,msg:'NUL byte in the request',tag:'embedded/protocol',severity:2,setvar:tx.embedded_score=+5"
SecRule ARGS|ARGS_NAMES|XML:/*|XML://@* "@rx [\r\n]\W*?(?:content-(?:type|length)|set-cookie|location|http/[0-9])\s*:" \
  "id:160103,phase:2,pass,log,t:none,t:urlDecodeUni,t:lowercase,msg:'Header injection',tag:'embedded/protocol',severity:2,setvar:tx.embedded_score=+5"
SecRule REQUEST_HEADERS:User-Agent "@pm sqlmap nikto nessus openvas acunetix masscan zgrab nuclei dirbuster gobuster wpscan havij w3af arachni" \
  "id:160104,phase:1,pass,log,t:none,t:lowercase,msg:'Security scanner',tag:'embedded/scanner',severity:2,setvar:tx.embedded_score=+5"
SecRule REQUEST_HEADERS:Content-Type "@rx charset\s*=\s*['\x22]?([^;'\x22\s]+)" \
  "id:160105,phase:1,pass,log,t:none,t:lowercase,capture,msg:'Character set that hides what is sent',tag:'embedded/protocol',severity:2,chain"
  SecRule TX:1 "!@rx ^(?:utf-?8|us-ascii|iso-8859-(?:1|15)|windows-125[0-9])$" "t:none,setvar:tx.embedded_score=+5"

# Files and paths
SecRule REQUEST_URI_RAW|ARGS|ARGS_NAMES|REQUEST_COOKIES|FILES "@rx (?:^|[\x5c/;])\.\.[\x5c/;]" \
  "id:160200,phase:2,pass,log,t:none,t:urlDecodeUni,t:urlDecodeUni,t:removeNulls,msg:'Path traversal',tag:'embedded/lfi',severity:2,setvar:tx.embedded_score=+5"
SecRule REQUEST_FILENAME|ARGS|REQUEST_COOKIES "@pm etc/passwd etc/shadow etc/group proc/self/ .ssh/id_ .git/config .htpasswd .aws/credentials win.ini boot.ini web.config wp-config.php /.env" \
  "id:160201,phase:2,pass,log,t:none,t:urlDecodeUni,t:urlDecodeUni,t:removeNulls,t:normalizePathWin,t:lowercase,msg:'Sensitive file',tag:'embedded/lfi',severity:2,setvar:tx.embedded_score=+5"
SecRule ARGS "@rx ^(?:https?|ftps?|gopher|dict|file|php|phar|expect|jar|data)://(?:127\.|0\.0\.0\.0|169\.254\.|localhost\b|\[::1?\]|metadata\.)" \
  "id:160202,phase:2,pass,log,t:none,t:urlDecodeUni,t:lowercase,msg:'Address inside the network',tag:'embedded/ssrf',severity:2,setvar:tx.embedded_score=+5"
SecRule ARGS "@rx ^(?:php|phar|expect|zip|glob|file|gopher|dict)://" \
  "id:160203,phase:2,pass,log,t:none,t:urlDecodeUni,t:lowercase,msg:'Dangerous URL scheme',tag:'embedded/rfi',severity:2,setvar:tx.embedded_score=+5"

# Commands and code
SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES|REQUEST_HEADERS:User-Agent|REQUEST_HEADERS:Referer|XML:/*|XML://@* "@rx (?:[;|&\x60\n]|\$\(|\|\|)\s*(?:/(?:usr/)?(?:local/)?s?bin/)?(?:cat|ls|id|whoami|uname|wget|curl|nc|ncat|bash|sh|zsh|python[23]?|perl|ruby|php|ping|nslookup|dig|chmod|rm|sleep|powershell|cmd(?:\.exe)?)(?:$|[\s;|&)<>\x60'\x22])" \
  "id:160300,phase:2,pass,log,t:none,t:urlDecodeUni,t:removeNulls,t:lowercase,msg:'Command injection',tag:'embedded/rce',severity:2,setvar:tx.embedded_score=+5"
SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES|REQUEST_HEADERS "@rx \(\)\s*\{\s*[:_]?[^}]*\}\s*;" \
  "id:160301,phase:2,pass,log,t:none,t:urlDecodeUni,msg:'Shellshock',tag:'embedded/rce',severity:2,setvar:tx.embedded_score=+5"
SecRule REQUEST_URI_RAW|ARGS|ARGS_NAMES|REQUEST_COOKIES|REQUEST_HEADERS|XML:/*|XML://@* "@rx \$\{(?:jndi:|[^}]{0,60}\$\{|(?:lower|upper|env|sys|date|::-|base64):)" \
  "id:160302,phase:2,pass,log,t:none,t:urlDecodeUni,t:htmlEntityDecode,t:lowercase,msg:'Lookup expression (Log4Shell)',tag:'embedded/rce',severity:2,setvar:tx.embedded_score=+5"
SecRule ARGS|ARGS_NAMES "@rx (?:__proto__|constructor[\[.'\x22\]\s]+prototype)" \
  "id:160303,phase:2,pass,log,t:none,t:urlDecodeUni,t:jsDecode,msg:'Prototype pollution',tag:'embedded/nodejs',severity:2,setvar:tx.embedded_score=+5"
SecRule ARGS|XML:/*|XML://@* "@rx (?:child_process|process\.(?:env|mainmodule|binding)|require\s*\(|eval\s*\(\s*(?:atob|string|unescape|base64_decode)|java\.lang\.(?:runtime|processbuilder)|<\?php|\bphpinfo\s*\(|base64_decode\s*\()" \
  "id:160304,phase:2,pass,log,t:none,t:urlDecodeUni,t:jsDecode,t:lowercase,msg:'Code injection',tag:'embedded/code',severity:2,setvar:tx.embedded_score=+5"
SecRule ARGS|XML:/*|XML://@* "@rx (?:\{\{|\$\{|<%=|#\{)\s*(?:[0-9]+\s*[*+]\s*[0-9]+|config|self|request|session|class|''|t\()" \
  "id:160305,phase:2,pass,log,t:none,t:urlDecodeUni,t:lowercase,msg:'Template injection',tag:'embedded/ssti',severity:2,setvar:tx.embedded_score=+5"
SecRule REQUEST_BODY|XML:/* "@rx <!(?:doctype|entity)\s[^>]{0,200}(?:system|public|<!entity)" \
  "id:160306,phase:2,pass,log,t:none,t:lowercase,msg:'XML external entity',tag:'embedded/xxe',severity:2,setvar:tx.embedded_score=+5"

# Scripts
SecRule REQUEST_FILENAME|ARGS|ARGS_NAMES|REQUEST_COOKIES|REQUEST_HEADERS:User-Agent|REQUEST_HEADERS:Referer|XML:/*|XML://@* "@detectXSS" \
  "id:160400,phase:2,pass,log,t:none,t:utf8toUnicode,t:urlDecodeUni,t:htmlEntityDecode,t:jsDecode,t:cssDecode,t:removeNulls,msg:'Cross-site scripting',tag:'embedded/xss',severity:2,setvar:tx.embedded_score=+5"
SecRule REQUEST_FILENAME|ARGS|ARGS_NAMES|REQUEST_COOKIES|REQUEST_HEADERS:Referer|XML:/*|XML://@* "@rx <(?:script|iframe|object|embed|svg|math|meta|base|link|style)\b[^>]*>|\bon(?:error|load|click|mouseover|focus|toggle)\s*=|javascript:" \
  "id:160401,phase:2,pass,log,t:none,t:utf8toUnicode,t:urlDecodeUni,t:htmlEntityDecode,t:jsDecode,t:removeNulls,t:lowercase,msg:'Script in a value',tag:'embedded/xss',severity:2,setvar:tx.embedded_score=+5"

# SQL
SecRule REQUEST_BASENAME|ARGS|ARGS_NAMES|REQUEST_COOKIES|REQUEST_HEADERS:User-Agent|REQUEST_HEADERS:Referer|XML:/*|XML://@* "@detectSQLi" \
  "id:160500,phase:2,pass,log,t:none,t:utf8toUnicode,t:urlDecodeUni,t:removeNulls,msg:'SQL injection',tag:'embedded/sqli',severity:2,setvar:tx.embedded_score=+5"
SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES|XML:/*|XML://@* "@rx \bunion\b(?:\s|\(|\ball\b|\bdistinct\b)*\bselect\b|\bselect\b.{1,100}?\bfrom\b.{1,60}?(?:--|#|;|\bwhere\b|\binformation_schema\b)|\b(?:sleep|benchmark|pg_sleep|waitfor\s+delay)\s*\(?\s*'?[0-9]|;\s*(?:drop|alter|truncate)\s+table\b" \
  "id:160501,phase:2,pass,log,t:none,t:urlDecodeUni,t:urlDecodeUni,t:replaceComments,t:compressWhitespace,t:lowercase,msg:'SQL statement',tag:'embedded/sqli',severity:2,setvar:tx.embedded_score=+5"
SecRule ARGS_NAMES|ARGS "@rx ^\$(?:where|ne|gt|lt|gte|lte|nin|regex|function|expr)$|[\[.]\$(?:where|ne|gt|lt|gte|lte|nin|regex)\b" \
  "id:160502,phase:2,pass,log,t:none,t:urlDecodeUni,t:lowercase,msg:'NoSQL operator',tag:'embedded/nosqli',severity:2,setvar:tx.embedded_score=+5"

SecRule TX:blocking_paranoia_level "@lt 2" "id:160600,phase:2,pass,nolog,t:none,skipAfter:END-EMBEDDED-LEVEL-2"
SecRule ARGS|REQUEST_COOKIES "@rx (?:'|\x22)\s*(?:or|and|\|\||&&)\s+['\x22]?\w+['\x22]?\s*(?:=|<|>|like)|(?:--|#)\s*$|/\*.*?\*/" \
  "id:160601,phase:2,pass,log,t:none,t:urlDecodeUni,t:lowercase,msg:'SQL in a value',tag:'embedded/sqli',tag:'embedded/level-2',severity:3,setvar:tx.embedded_score=+4"
SecRule ARGS "@rx [<>].*[<>]|\bon\w+\s*=" \
  "id:160602,phase:2,pass,log,t:none,t:urlDecodeUni,t:htmlEntityDecode,t:lowercase,msg:'Markup in a value',tag:'embedded/xss',tag:'embedded/level-2',severity:3,setvar:tx.embedded_score=+4"
SecRule ARGS "@rx (?:^|[\s=])(?:/(?:etc|proc|var|usr|bin|root|home)/|[a-z]:\x5c)" \
  "id:160603,phase:2,pass,log,t:none,t:urlDecodeUni,t:lowercase,msg:'Absolute path in a value',tag:'embedded/lfi',tag:'embedded/level-2',severity:3,setvar:tx.embedded_score=+4"
SecMarker END-EMBEDDED-LEVEL-2

SecRule TX:embedded_score "@ge %{tx.inbound_anomaly_score_threshold}" \
  "id:160900,phase:2,deny,status:403,log,t:none,msg:'Inbound score %{tx.embedded_score}',tag:'embedded/evaluation'"

# Responses
SecRule RESPONSE_BODY "@rx (?:you have an error in your sql syntax|ora-[0-9]{5}:|unclosed quotation mark after the character string|pg_query\(\)|sqlite3?(?:\.operational)?error|syntax error at or near \x22)" \
  "id:160700,phase:4,pass,log,t:none,t:lowercase,msg:'Database error in the response',tag:'embedded/leak',severity:3,setvar:tx.embedded_outbound_score=+4"
SecRule RESPONSE_BODY "@rx (?:traceback \(most recent call last\)|^\s*at [\w.$<>]+\([\w.]+\.java:[0-9]+\)|fatal error: .{1,200} on line [0-9]+|system\.[a-z.]+exception:|\bat .{1,200}node_modules.{1,100}:[0-9]+:[0-9]+)" \
  "id:160701,phase:4,pass,log,t:none,t:lowercase,msg:'Stack trace in the response',tag:'embedded/leak',severity:3,setvar:tx.embedded_outbound_score=+4"
SecRule RESPONSE_BODY "@rx -----begin (?:rsa |ec |openssh |dsa )?private key-----" \
  "id:160702,phase:4,pass,log,t:none,t:lowercase,msg:'Private key in the response',tag:'embedded/leak',severity:2,setvar:tx.embedded_outbound_score=+5"
SecRule TX:embedded_outbound_score "@ge %{tx.outbound_anomaly_score_threshold}" \
  "id:160901,phase:4,deny,status:403,log,t:none,msg:'Outbound score %{tx.embedded_outbound_score}',tag:'embedded/evaluation'"
`
