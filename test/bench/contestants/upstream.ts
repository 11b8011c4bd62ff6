import net, { type AddressInfo } from 'node:net'
import type { StartContestant } from '../contestant.ts'

const BODY = JSON.stringify({
  users: [{ id: 1, name: 'Ada Lovelace', email: 'ada@example.com' }],
  page: 2,
  total: 41,
  note: 'x'.repeat(110),
})
const RESPONSE = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(BODY)}\r\nX-Powered-By: bench\r\n\r\n${BODY}`

/** Answers every request with the same bytes, on bare sockets: it must cost next to nothing. */
const start: StartContestant = () =>
  new Promise((resolve) => {
    const server = net.createServer((socket) => {
      let received = ''
      socket.setNoDelay(true)
      socket.setEncoding('latin1')
      socket.on('error', () => undefined)
      socket.on('data', (chunk: string) => {
        received += chunk
        for (;;) {
          const head = received.indexOf('\r\n\r\n')
          if (head === -1) return
          const length = Number(/content-length: *([0-9]+)/i.exec(received.slice(0, head))?.[1] ?? 0)
          if (received.length < head + 4 + length) return
          received = received.slice(head + 4 + length)
          socket.write(RESPONSE)
        }
      })
    })
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })

export default start
