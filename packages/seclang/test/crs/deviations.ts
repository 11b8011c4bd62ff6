/** Tests of the Core Rule Set that the engine does not pass in process, each with the reason. */
export const DEVIATIONS: Record<string, string> = {
  '920620-1':
    'expects a server that joins two Content-Type headers into one, as httpd does; other servers hand over both',
}
