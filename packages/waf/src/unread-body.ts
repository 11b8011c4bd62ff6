import { Readable } from 'node:stream'

/**
 * Reads a body that Fastify does not read (GET, HEAD, TRACE), so that it can be looked at: an upstream or a handler
 * might read it. It goes on as a stream for whoever else wants it.
 */
export class UnreadBody extends Readable {
  /** The bytes, once they are all there or more than the limit; undefined when they broke off. Never rejects. */
  readonly bytes: Promise<Buffer | undefined>

  /** @param limit bytes that are kept; one more is kept to tell that there were more. */
  constructor(source: Readable, limit: number) {
    super()
    const chunks: Buffer[] = []
    let length = 0
    this.bytes = new Promise((resolve) => {
      const end = (): void => {
        resolve(Buffer.concat(chunks))
        this.push(null)
      }
      source.on('data', (chunk: Buffer) => {
        if (length > limit) return
        length += chunk.length
        chunks.push(chunk)
        this.push(chunk)
        if (length > limit) end()
      })
      source.once('end', () => {
        if (length <= limit) end()
      })
      source.once('error', () => this.destroy())
      source.once('close', () => resolve(undefined))
    })
  }

  override _read(): void {
    // What arrives is pushed as it arrives; the limit bounds it.
  }
}
