import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { machine } from '../instance/figures.ts'
import { rssOf } from '../instance/process-stat.ts'
import { startNode } from './start.ts'

const idleWanted = 10_000
const streamsWanted = 1_000
/** An endpoint has 128 connections where nothing is said. */
const endpoints = 8
const eventMs = 100
/** So many at a time, that no backlog is too short. */
const together = 100
const settleMs = 3_000

interface Client {
  readonly socket: Socket
  bytes: number
}

/** Connects, asks, and resolves with the first bytes of an answer; null where there is no room for it. */
const ask = (port: number, path: string): Promise<Client | null> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    const client: Client = { socket, bytes: 0 }
    socket.on('connect', () => socket.write(`GET ${path} HTTP/1.1\r\nhost: bench\r\n\r\n`))
    socket.on('data', (bytes) => {
      client.bytes += bytes.length
      resolve(
        bytes.subarray(9, 12).toString() === '200' || client.bytes > bytes.length ? client : null,
      )
    })
    socket.on('error', () => resolve(null))
    socket.on('close', () => resolve(null))
  })

const open = async (ports: readonly number[], path: string, wanted: number): Promise<Client[]> => {
  const clients: Client[] = []
  for (let begun = 0; begun < wanted; begun += together) {
    const asked = Array.from({ length: together }, (_, at) => ask(ports[at % ports.length]!, path))
    for (const client of await Promise.all(asked)) if (client !== null) clients.push(client)
  }
  return clients
}

const alive = (clients: readonly Client[]): number =>
  clients.filter(({ socket }) => !socket.destroyed).length

/** Listens on so many ports: one answers at once, one with an event every now and then, for ever. */
const startUpstreams = async (): Promise<{ urls: string[]; close: () => void }> => {
  const servers = Array.from({ length: endpoints }, () =>
    createServer((request, response) => {
      if (request.url !== '/stream') {
        response.end('x'.repeat(1_024))
        return
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const timer = setInterval(() => response.write('data: tick\n\n'), eventMs)
      response.write('data: first\n\n')
      response.on('close', () => clearInterval(timer))
    }),
  )
  const urls: string[] = []
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }
  const close = (): void => {
    for (const server of servers) server.close().closeAllConnections()
  }
  return { urls, close }
}

/** What the gateway's memory grows by for each connection. Node raises its own limit of open files to the hard one. */
export async function measureMemory(): Promise<void> {
  console.log(machine())
  const upstreams = await startUpstreams()
  const phases = [
    ['idle client connections', '/answer', idleWanted],
    ['streaming exchanges', '/stream', streamsWanted],
  ] as const
  for (const [what, path, wanted] of phases) {
    const gateway = await startNode('turnout', upstreams.urls, undefined)
    // As many requests as are made below, on few connections: compiled code and grown heap are no connection's.
    for (let turn = 0; turn < wanted / together; turn += 1) {
      for (const client of await open(gateway.ports, '/answer', together)) client.socket.destroy()
    }
    await wait(settleMs)
    const before = rssOf(gateway.pid)
    const clients = await open(gateway.ports, path, wanted)
    await wait(settleMs)
    const after = rssOf(gateway.pid)
    const count = alive(clients)
    const each = (after - before) / count
    console.log(
      `${count} of ${wanted} ${what}: RSS ${(before / 1024).toFixed(0)} -> ${(after / 1024).toFixed(0)} MB, ` +
        `${each.toFixed(1)} KB each`,
    )
    for (const { socket } of clients) socket.destroy()
    await gateway.stop()
  }
  upstreams.close()
}
