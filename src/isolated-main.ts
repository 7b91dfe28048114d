// The process of an isolated module: started by a worker, reached over a local socket.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import { TurnoutError } from './core/errors.ts'
import { healthPath } from './modules/isolated/reach.ts'
import { runHost, type HostEdges } from './modules/isolated/host-main.ts'
import { takeEnvelope } from './modules/isolated/received.ts'
import { ServiceSet } from './modules/services.ts'
import { LeanRequest } from './server/lean-request.ts'
import { NodeTransport } from './server/node-transport.ts'

/** Heads were checked by the listener that took them; the envelope comes on top. */
const mostHeaderBytes = 4 * 1024 * 1024
const backlog = 4_096

const services: HostEdges['services'] = async (file) => {
  // Stands on packages that a process without services never needs.
  const { loadConfig } = await import('./config/load.ts')
  const loaded = await loadConfig({ file, startDirectory: dirname(file) })
  if (!loaded.ok) throw TurnoutError.of(loaded.problems[0]!, loaded.problems)
  return new ServiceSet(loaded.config.services)
}

const listen: HostEdges['listen'] = (order, serve) => {
  const { secret, bodyLimit, trusted, socket } = order
  const options = {
    IncomingMessage: LeanRequest,
    headersTimeout: 0,
    requestTimeout: 0,
    keepAliveTimeout: 0,
    maxHeaderSize: mostHeaderBytes,
    requireHostHeader: false,
  }
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const envelope = takeEnvelope(request, secret)
    if (envelope === null) {
      response.writeHead(request.url === healthPath ? 204 : 403).end()
      return
    }
    // The worker's listener says it.
    response.sendDate = false
    const transport = new NodeTransport(request, response, bodyLimit, trusted)
    serve(transport, envelope).catch(() => transport.destroy())
  }
  const server = createServer(options, take)
  server.maxHeadersCount = 0
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path: socket, backlog }, () => {
      server.removeListener('error', reject)
      server.on('error', () => undefined)
      resolve()
    })
  })
}

runHost({ services, listen })
