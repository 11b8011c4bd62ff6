import type { Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'

/**
 * Sends bytes as they are to a server that listens on 127.0.0.1, and collects the answer until the connection is closed.
 *
 * @param bytes one character per byte.
 * @param later what is sent when the answer begins.
 */
export function exchange(app: { server: Pick<Server, 'address'> }, bytes: string, later?: string): Promise<string> {
  const { port } = app.server.address() as AddressInfo
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', (data) => {
      if (answer === '' && later !== undefined) socket.write(later, 'latin1')
      answer += data.toString('latin1')
    })
    // A reset connection is closed too.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(answer))
    socket.write(bytes, 'latin1')
  })
}
