import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { BodyTap, type Refusal } from '@portcullis/core'
import { BODY_MALFORMED, BODY_TOO_LARGE } from './refusals.ts'

/** How a body is decompressed. */
export interface GunzipOptions {
  /** Largest result in bytes; Infinity = no limit. */
  max: number
  /** Told when the body breaks a rule; true = cut it. */
  onRefusal: (refusal: Refusal) => boolean
  /** The body was cut and nobody who reads it listens. */
  onUnheard: (error: Error) => void
}

/**
 * Decompresses a gzip body as it arrives. It never holds more than a few buffers: a bomb is cut at the limit, and what
 * is no gzip, or ends too early, becomes a 400.
 */
export function gunzip(body: Readable, options: GunzipOptions): Readable {
  const unzip = createGunzip()
  const { max, onRefusal, onUnheard } = options
  const result = new BodyTap(Number.isFinite(max) ? { max: { bytes: max, refusal: BODY_TOO_LARGE } } : {}, {
    onRefusal,
    onUnheard,
    onCaptured: () => undefined,
  })
  unzip.on('error', () => {
    onRefusal(BODY_MALFORMED)
    result.destroy(BODY_MALFORMED.toError())
  })
  body.on('error', (error) => result.destroy(error))
  body.once('close', () => {
    if (!body.readableEnded) result.destroy()
  })
  result.once('close', () => {
    if (result.readableEnded) return
    body.unpipe(unzip)
    unzip.destroy()
    body.resume()
  })
  body.pipe(unzip)
  return result.attach(unzip)
}
