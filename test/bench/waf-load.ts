import net from 'node:net'

const CONNECTIONS = 20

/** A closed loop over keep-alive connections that sends one request after the other from a list, over and over. */
export async function loadVaried(
  port: number,
  requests: readonly Buffer[],
  seconds: number,
): Promise<{ done: number; wrong: number }> {
  const result = { done: 0, wrong: 0, next: 0 }
  const end = performance.now() + seconds * 1000
  await Promise.all(Array.from({ length: CONNECTIONS }, () => client(port, requests, end, result)))
  return result
}

function client(
  port: number,
  requests: readonly Buffer[],
  end: number,
  result: { done: number; wrong: number; next: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    let received = ''
    const send = (): void => {
      socket.write(requests[result.next++ % requests.length]!)
    }
    socket.setNoDelay(true).setEncoding('latin1')
    socket.on('connect', send).on('error', reject)
    socket.on('close', () => resolve())
    socket.on('data', (chunk: string) => {
      received += chunk
      const head = received.indexOf('\r\n\r\n')
      if (head === -1) return
      const length = /content-length: *([0-9]+)/i.exec(received.slice(0, head))
      if (received.length < head + 4 + Number(length?.[1] ?? 0)) return
      result.done++
      if (!received.startsWith('HTTP/1.1 200')) result.wrong++
      received = ''
      if (performance.now() < end) send()
      else socket.end()
    })
  })
}
