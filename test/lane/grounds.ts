import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect as connectPlain, Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { connect as connectSecure } from 'node:tls'
import { canReadShared } from '../../src/server/lane/shared-read.ts'
import type { Turnout } from '../../src/turnout.ts'

/** How the bytes of a connection come to the lane: into the shared buffer, by events, or out of a cipher. */
export type Ground = 'shared' | 'events' | 'secure'

export interface Opened {
  readonly port: number
  /** Opens a connection; `write` before it is there waits for it. */
  readonly connect: () => Socket
}

/** Makes the probe fail, as it does where Node does not let a socket be taken over. It is asked once in a process. */
async function refuseSharedReads(): Promise<void> {
  // oxlint-disable-next-line typescript/unbound-method -- called with the server below
  const { getConnections } = Server.prototype
  Server.prototype.getConnections = function (told) {
    return getConnections.call(this, (error, count) => told(error, count + 1))
  }
  const isShared = await canReadShared()
  Server.prototype.getConnections = getConnections
  if (isShared) throw new Error('the probe does not see what it is there for')
}

export async function listenOn(
  test: TestContext,
  ground: Ground,
  turnout: Turnout,
): Promise<Opened> {
  if (ground === 'events') await refuseSharedReads()
  if (ground !== 'secure') {
    const { port } = await turnout.listen({ port: 0 })
    return {
      port,
      connect: () => guarded(connectPlain({ port, host: '127.0.0.1', allowHalfOpen: true })),
    }
  }
  const folder = mkdtempSync(join(tmpdir(), 'turnout-lane-'))
  test.after(() => rmSync(folder, { recursive: true }))
  const [key, cert] = [join(folder, 'a.key'), join(folder, 'a.crt')]
  const what = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-subj', '/CN=a']
  execFileSync('openssl', ['req', '-x509', '-nodes', ...what, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  })
  const { port } = await turnout.listen({ port: 0, tls: { key, cert } })
  const options = { rejectUnauthorized: false, allowHalfOpen: true }
  const connect = (): Socket => {
    const below = guarded(connectPlain({ port, host: '127.0.0.1', allowHalfOpen: true }))
    const socket = guarded(connectSecure({ ...options, socket: below }))
    carriers.set(socket, below)
    return socket
  }
  return { port, connect }
}

/** The connections below those of TLS. */
const carriers = new WeakMap<Socket, Socket>()

export const reset = (socket: Socket): void => {
  const below = carriers.get(socket)
  if (below !== undefined) socket.destroy()
  ;(below ?? socket).resetAndDestroy()
}

const guarded = (socket: Socket): Socket => socket.on('error', () => undefined)

/** All that comes until the connection is closed. */
export function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let received = ''
    socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1')))
    socket.on('end', () => socket.end())
    socket.on('close', () => resolve(received))
  })
}

/** What holds this process open: sockets and timers. */
export const held = (): string[] =>
  process.getActiveResourcesInfo().filter((name) => /TCPSocketWrap|TLSWrap|Timeout/.test(name))
