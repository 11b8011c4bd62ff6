import { closeAfterResponse, type ParsingStep, type Refusal, type RequestState } from '@portcullis/core'
import { gunzip } from './gunzip.ts'
import { ENCODING_NOT_SUPPORTED } from './refusals.ts'

/**
 * The step that decompresses gzip bodies. Headers then tell of what follows: no Content-Encoding, no Content-Length,
 * a body of unknown length. Other encodings go on as they are, for whoever inspects the body to refuse.
 *
 * @param max largest result in bytes; Infinity = no limit.
 * @param monitor only record broken rules.
 */
export function decompression(max: number, monitor: boolean): ParsingStep {
  return (request, state, payload, reply) => {
    const encoding = request.headers['content-encoding']
    if (encoding === undefined) return undefined
    const names = encoding
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '' && name !== 'identity')
    const isGzip = names.some((name) => name === 'gzip' || name === 'x-gzip')
    if (!isGzip) return undefined
    if (names.length > 1) return ENCODING_NOT_SUPPORTED
    state.removeRequestHeader(request, 'content-encoding')
    state.removeRequestHeader(request, 'content-length')
    request.headers['transfer-encoding'] = 'chunked'
    return gunzip(payload, {
      max,
      onRefusal: (refusal) => {
        record(state, refusal, monitor)
        if (!monitor && !reply.sent) closeAfterResponse(request, reply)
        return !monitor
      },
      onUnheard: (error) => {
        if (!reply.sent) reply.send(error)
      },
    })
  }
}

function record(state: RequestState, refusal: Refusal, monitor: boolean): void {
  state.record({
    component: 'request-limits',
    code: refusal.code,
    mode: monitor ? 'monitor' : 'enforce',
    status: refusal.status,
    message: refusal.message,
  })
  if (!monitor) state.refused = true
}
