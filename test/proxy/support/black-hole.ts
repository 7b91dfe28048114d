import { spawn } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'

const listen = `
const server = require('node:net').createServer()
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  process.stdout.write(String(server.address().port) + '\\n', () => process.kill(process.pid, 'SIGSTOP'))
})
`

/**
 * A port where a connection is neither taken nor refused: its process is stopped and its queue is full, so that Linux
 * leaves further ones without any answer. Null: this system answers all the same.
 */
export async function openBlackHole(t: TestContext): Promise<number | null> {
  const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] })
  const sockets: Socket[] = []
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    child.kill('SIGKILL')
  })
  const port = await new Promise<number>((resolve) =>
    child.stdout.once('data', (bytes: Buffer) => resolve(Number(bytes.toString()))),
  )
  let open = 0
  for (let number = 0; number < 16; number += 1) {
    const socket = connect(port, '127.0.0.1', () => (open += 1))
    socket.on('error', () => undefined)
    sockets.push(socket)
    await delay(20)
  }
  return open < sockets.length ? port : null
}
