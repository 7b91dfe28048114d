// What a connection costs that is kept and says nothing: KB of each, on either lane and beside a bare `node:http` server.
// Servers are processes of their own; the connections are here.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

const usual = 5_000

export type Kind = 'fast' | 'safe' | 'node:http'

export type Memory = Readonly<Record<'rss' | 'heapUsed' | 'external', number>>

const ask = async <Answer>(server: ChildProcess, what: string): Promise<Answer> => {
  const answer = once(server, 'message')
  server.send(what)
  const [message] = (await answer) as [Answer]
  return message
}

const open = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', reject)
    socket.once('data', () => resolve(socket))
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n')
  })

const openMany = async (port: number, count: number): Promise<Socket[]> => {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const some = Math.min(100, count - sockets.length)
    sockets.push(...(await Promise.all(Array.from({ length: some }, () => open(port)))))
  }
  return sockets
}

const measure = async (kind: Kind, count: number): Promise<void> => {
  const path = fileURLToPath(new URL('server.js', import.meta.url))
  const server = fork(path, [kind], { execArgv: ['--expose-gc'] })
  const [port] = (await once(server, 'message')) as [number]
  // What the first ones make is there for all of them.
  const early = await openMany(port, 200)
  const before = await ask<Memory>(server, 'memory')
  const sockets = await openMany(port, count)
  const after = await ask<Memory>(server, 'memory')
  const each = (name: keyof Memory): string =>
    `${((after[name] - before[name]) / count / 1024).toFixed(2)} KB`
  console.log(
    `${kind.padEnd(10)} ${count} connections: ${each('rss')} of rss, ${each('heapUsed')} of heap, ${each('external')} outside of it, each`,
  )
  for (const socket of [...early, ...sockets]) socket.destroy()
  server.disconnect()
  server.kill()
}

const count = Number(process.argv[2] ?? usual)
for (const kind of ['node:http', 'safe', 'fast'] as const) await measure(kind, count)
