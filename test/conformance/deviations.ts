const HOST =
  'expects httpd’s 400 for this Host, which Node’s HTTP parser accepts; the rule fires and would refuse with 403'
const PATH = 'the router answers 400 to a path that is no UTF-8; the test expects a refusal with 403, or a 404'

/**
 * Tests of the Core Rule Set (3.3.4 and 4.28.0) that do not pass over HTTP, each with the reason: what another server's
 * parser does, which the test presupposes. No attack is missed by any of them.
 */
export const DEVIATIONS: Readonly<Record<string, string>> = {
  '920272-5': PATH,
  '920274-1': HOST,
  '920290-1': HOST,
}
