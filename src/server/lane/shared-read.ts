import { Buffer } from 'node:buffer'
import { createServer, connect, Socket, type Server } from 'node:net'
import { refuseStraight, StraightWriter, watchWrite } from '../../gateway/straight.ts'

/** Takes the first `length` bytes of `bytes`, which the next read overwrites. False: read no more for now. */
export type ReadBytes = (bytes: Buffer, length: number) => boolean

/** One for all connections of a process: what is read is handled, or copied, before the next read. */
const shared: Buffer = Buffer.allocUnsafeSlow(65_536)

/** What a socket that was accepted has, and the documentation does not say. */
interface Accepted {
  _handle: object | null
  _server?: Server
  server?: Server
}

/**
 * The same connection as a socket that reads into the shared buffer: an accepted one would allocate 64 KB for each read. It
 * must have been accepted with `pauseOnConnect`, and nothing may have been done with it.
 */
export function readShared(socket: Socket, server: Server, read: ReadBytes): Socket {
  const accepted = socket as unknown as Accepted
  const handle = accepted._handle
  // Two sockets of one handle: the first one forgets it, and is nobody's.
  accepted._handle = null
  const options = {
    handle,
    allowHalfOpen: true,
    onread: { buffer: shared, callback: (length: number) => read(shared, length) },
  }
  const next = new Socket(options)
  const own = next as unknown as Accepted
  own._server = server
  own.server = server
  return next
}

/** The same where that is not to be had, by the events that everybody knows. Returns what ends it. */
export function readEvents(socket: Socket, read: ReadBytes): () => void {
  const onData = (bytes: Buffer): void => {
    if (!read(bytes, bytes.length)) socket.pause()
  }
  socket.on('data', onData)
  return () => socket.off('data', onData)
}

const probeMs = 2_000

/** Answers with what it reads: once through the stream, then past it. */
const echoing = (socket: Socket): ((bytes: Buffer, length: number) => void) => {
  const straight = new StraightWriter(socket, () => undefined)
  let turn = 0
  watchWrite(socket)
  return (bytes, length) => {
    const text = bytes.toString('latin1', 0, length)
    turn += 1
    const data = turn === 2 ? text : Buffer.from(text)
    if (turn === 1 || !straight.write(data)) socket.write(text, 'latin1')
  }
}

/** Sends a few bytes to a server of our own, both ways, and closes it. */
const probe = (): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
    const parts = ['turn', 'o', 'ut']
    let received = ''
    let isShared = false
    let isOver = false
    const deadline = setTimeout(() => end(false), probeMs)
    const end = (isGood: boolean): void => {
      clearTimeout(deadline)
      isOver = true
      if (!isGood) refuseStraight()
      client?.destroy()
      server.close(() => resolve(isGood))
    }
    let client: Socket | null = null
    server.on('error', () => end(false))
    server.on('connection', (accepted) => {
      try {
        const socket = readShared(accepted, server, (bytes, length) => {
          // What comes after the deadline teaches nothing.
          if (isOver) return false
          isShared = bytes === shared
          try {
            echo(bytes, length)
          } catch {
            end(false)
          }
          return true
        })
        const echo = echoing(socket)
        socket.on('error', () => end(false))
        socket.on('end', () => socket.end())
      } catch {
        end(false)
      }
    })
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const { port } = server.address() as { readonly port: number }
      const asking = connect({ host: '127.0.0.1', port })
      client = asking
      asking.on('error', () => end(false))
      const ask = (): unknown => asking.write(parts.shift()!)
      asking.on('connect', ask)
      asking.on('data', (bytes) => {
        received += String(bytes)
        if (parts.length > 0) ask()
        else if (received === 'turnout') asking.end()
      })
      // The server counts the connection as gone only where the new socket has taken the place of the old one.
      asking.on('close', () =>
        setImmediate(() =>
          server.getConnections((error, count) =>
            end(error === null && count === 0 && isShared && received === 'turnout'),
          ),
        ),
      )
    })
  })

let known: Promise<boolean> | null = null

/**
 * Whether this Node lets a socket be taken over so: tried out once, on a connection of our own. Where it does, the process
 * also writes past the streams, if it may.
 */
export function canReadShared(): Promise<boolean> {
  known ??= probe()
  return known
}
