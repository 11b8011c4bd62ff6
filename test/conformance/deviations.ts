const METHOD = 'Node’s HTTP parser knows a fixed list of methods and answers 400 before there is a request'
const CONNECT = 'Node hands CONNECT to no request handler; without a tunnel it closes the connection unanswered'
const HIGH_BYTES = 'Node’s HTTP parser answers 400 to bytes above 0x7F in a request target'
const TARGET = 'Node’s HTTP parser answers 400 to a target that does not begin with "/"'
const HOST =
  'expects httpd’s 400 for this Host, which Node’s HTTP parser accepts; the rule fires and would refuse with 403'

/**
 * Tests of the Core Rule Set (3.3.4 and 4.28.0) that do not pass over HTTP, each with the reason: what another server's
 * parser does, which the test presupposes. No rule is missed by any of them.
 */
export const DEVIATIONS: Readonly<Record<string, string>> = {
  '911100-5': METHOD,
  '911100-7': METHOD,
  '920100-10': METHOD,
  '920100-14': METHOD,
  '949110-4': METHOD,
  '920100-4': CONNECT,
  '920100-5': CONNECT,
  '920100-6': CONNECT,
  '920272-5': 'the router answers 400 to a path that is no UTF-8; the test expects a refusal with 403 or a 404',
  '920274-1': HOST,
  '920290-1': HOST,
  '920620-1': 'expects a parser that joins two Content-Type headers, as httpd’s does; Node’s hands over both',
  '934120-23': HIGH_BYTES,
  '934120-24': HIGH_BYTES,
  '934120-25': HIGH_BYTES,
  '934120-26': HIGH_BYTES,
  '934120-39': HIGH_BYTES,
  '942500-1': TARGET,
}
