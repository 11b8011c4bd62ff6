import { type Readable, Transform } from 'node:stream'

/**
 * Passes a stream on as it comes, and hands over a copy of its bytes at the end: what looks at a response need not hold it back.
 *
 * @param maxSize longest copy in bytes.
 * @param done told once: the bytes, or undefined when there were more of them or the stream broke.
 */
export function copyStream(stream: Readable, maxSize: number, done: (bytes: Buffer | undefined) => void): Readable {
  let chunks: Buffer[] | undefined = []
  let length = 0
  let told = false
  const tell = (bytes: Buffer | undefined): void => {
    if (!told) done(bytes)
    told = true
  }
  const copy = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      length += chunk.length
      if (length > maxSize) chunks = undefined
      chunks?.push(chunk)
      next(null, chunk)
    },
    flush(next) {
      tell(chunks === undefined ? undefined : Buffer.concat(chunks))
      next()
    },
    destroy(error, next) {
      tell(undefined)
      stream.destroy()
      next(error)
    },
  })
  stream.on('error', (error: Error) => copy.destroy(error))
  return stream.pipe(copy)
}
