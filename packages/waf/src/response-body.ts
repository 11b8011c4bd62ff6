/** Collects a response's body as far as it may be looked at, and gives it back whole. */
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'

/** What was collected. */
export interface Collected {
  /** The bytes as they were sent, at most the limit. */
  head: Buffer
  /** Is that all of the body? */
  whole: boolean
  /** What goes to the client in place of the payload. */
  payload: unknown
}

type ResponseBody = ConstructorParameters<typeof Response>[0]

/** A web `Response` that an app has sent; its status and headers come into force after all hooks. */
export function isWebResponse(payload: unknown): payload is Response {
  return Object.prototype.toString.call(payload) === '[object Response]'
}

/**
 * Collects a payload of any kind that Fastify sends. A stream is read up to the limit; what is left of a longer one
 * goes on behind what was read.
 *
 * @param limit bytes.
 * @param onClose calls back when the client goes away.
 */
export function collect(
  payload: unknown,
  limit: number,
  onClose: (listener: () => void) => void,
): Collected | undefined | Promise<Collected> {
  if (payload === undefined || payload === null) return undefined
  if (typeof payload === 'string') return wholeBody(Buffer.from(payload), payload, limit)
  if (Buffer.isBuffer(payload)) return wholeBody(payload, payload, limit)
  if (isWebResponse(payload)) return collectResponse(payload, limit, onClose)
  if (isWebStream(payload)) return collectStream(Readable.fromWeb(payload), limit, onClose)
  if (typeof (payload as Readable).pipe === 'function') return collectStream(payload as Readable, limit, onClose)
  return undefined
}

function wholeBody(bytes: Buffer, payload: unknown, limit: number): Collected {
  return { head: bytes.subarray(0, limit), whole: bytes.length <= limit, payload }
}

function isWebStream(payload: unknown): payload is ReadableStream {
  return typeof (payload as ReadableStream).getReader === 'function'
}

async function collectResponse(
  response: Response,
  limit: number,
  onClose: (listener: () => void) => void,
): Promise<Collected> {
  const { status, headers } = response
  if (response.body === null) return { head: Buffer.alloc(0), whole: true, payload: response }
  const body = Readable.fromWeb(response.body as ReadableStream)
  const { head, whole, payload } = await collectStream(body, limit, onClose)
  const rest = (payload instanceof Readable ? Readable.toWeb(payload) : payload) as ResponseBody
  return { head, whole, payload: new Response(rest, { status, headers }) }
}

function collectStream(stream: Readable, limit: number, onClose: (listener: () => void) => void): Promise<Collected> {
  const chunks: Buffer[] = []
  let length = 0
  onClose(() => stream.destroy())
  return new Promise((resolve) => {
    const settle = (whole: boolean, payload: unknown): void => {
      stream.off('data', onData).off('end', onEnd).off('error', onError).off('close', onEarlyClose)
      resolve({ head: Buffer.concat(chunks).subarray(0, limit), whole, payload })
    }
    const onData = (data: Buffer | string): void => {
      const chunk = typeof data === 'string' ? Buffer.from(data) : data
      chunks.push(chunk)
      length += chunk.length
      if (length <= limit) return
      stream.pause()
      settle(false, Readable.from(joined(chunks, stream), { objectMode: false }))
    }
    const onEnd = (): void => settle(true, Buffer.concat(chunks))
    // Nothing was sent yet: the error becomes the response, as it would have without us.
    const onError = (error: Error): void => settle(true, failing(error))
    const onEarlyClose = (): void => settle(true, failing(new Error('the response ended before its time')))
    stream.on('data', onData).on('end', onEnd).on('error', onError).on('close', onEarlyClose)
  })
}

async function* joined(chunks: readonly Buffer[], rest: Readable): AsyncGenerator<Buffer> {
  yield* chunks
  for await (const chunk of rest) yield chunk as Buffer
}

function failing(error: Error): Readable {
  return new Readable({
    read() {
      this.destroy(error)
    },
  })
}

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: () => createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }),
  'x-gzip': () => createGunzip({ finishFlush: constants.Z_SYNC_FLUSH }),
  deflate: () => createInflate({ finishFlush: constants.Z_SYNC_FLUSH }),
  br: () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH }),
}

/** The content codings that {@link decode} reads, for `Accept-Encoding`. */
export const CODINGS: ReadonlySet<string> = new Set([...Object.keys(DECODERS), 'identity', '*;q=0'])

/**
 * Decodes a body up to a limit; a body that was cut is decoded as far as it goes.
 *
 * @returns undefined when the coding is unknown or the bytes are not of it.
 */
export function decode(
  coding: string,
  bytes: Buffer,
  limit: number,
): Promise<{ bytes: Buffer; whole: boolean } | undefined> {
  const make = DECODERS[coding.trim().toLowerCase()]
  if (make === undefined) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    const decoder = make() as Readable & NodeJS.WritableStream
    const chunks: Buffer[] = []
    let length = 0
    decoder.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length <= limit) return
      resolve({ bytes: Buffer.concat(chunks).subarray(0, limit), whole: false })
      decoder.destroy()
    })
    decoder.on('end', () => resolve({ bytes: Buffer.concat(chunks), whole: true }))
    decoder.on('error', () => resolve(undefined))
    decoder.end(bytes)
  })
}
