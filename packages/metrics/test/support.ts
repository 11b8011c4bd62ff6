import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A port that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Fetches without keeping the connection. */
export async function ask(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(url, { headers: { connection: 'close', ...headers }, method, redirect: 'manual' })
  return { status: response.status, text: await response.text(), headers: response.headers }
}
