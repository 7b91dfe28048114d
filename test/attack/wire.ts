import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { Logger } from '../../src/core/logger.ts'
import { createTurnout, type Turnout, type TurnoutOptions } from '../../src/turnout.ts'

/** Sends raw bytes (Latin-1) and gives everything that came until the server closed the connection. */
export function exchange(port: number, bytes: string, isHalfClosed = false): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: isHalfClosed })
    let received = ''
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      received += text
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(received))
    socket.write(bytes, 'latin1')
    if (isHalfClosed) socket.end()
  })
}

/** A request that asks for the end of the connection. */
export const last = (target: string, fields = '', method = 'GET'): string =>
  `${method} ${target} HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`

/** A request that keeps the connection. */
export const more = (target: string, fields = '', method = 'GET'): string =>
  `${method} ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`

export const statusesOf = (received: string): number[] =>
  [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

export const bodyOf = (received: string): string => received.slice(received.indexOf('\r\n\r\n') + 4)

/** Opens a connection, sends, and waits for the first byte of an answer, or for nothing. */
export async function begin(port: number, bytes: string, isAnswered: boolean): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  await new Promise<void>((resolve) => socket.write(bytes, 'latin1', () => resolve()))
  if (isAnswered) await new Promise((resolve) => socket.once('data', resolve))
  return socket
}

/** A logger that keeps what it is told. */
export function keepLog(): { readonly log: Logger; readonly errors: string[] } {
  const errors: string[] = []
  const ignore = (): void => undefined
  const error: Logger['error'] = (message, fields) =>
    void errors.push(`${message} ${JSON.stringify(fields)}`)
  return { errors, log: { debug: ignore, info: ignore, warn: ignore, error } }
}

/** A Turnout on a free port, closed after the test. */
export async function attack(
  test: Pick<TestContext, 'after'>,
  add: (turnout: Turnout) => void | Promise<void>,
  options: TurnoutOptions = {},
): Promise<{ readonly turnout: Turnout; readonly port: number }> {
  const turnout = createTurnout({ logger: false, ...options })
  test.after(async () => void (await turnout.close(0)))
  await add(turnout)
  const { port } = await turnout.listen({ port: 0 })
  return { turnout, port }
}
